"""From data sets to training batches: samples, fresh crops, cached features, projected mocap."""
