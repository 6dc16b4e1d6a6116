"""HMR as in the paper: ResNet-50 trained end to end on labelled people in shards."""
