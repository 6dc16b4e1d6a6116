"""The paper's recipe: ResNet-50 trained end to end on pictures in shards, on one or many GPUs."""
