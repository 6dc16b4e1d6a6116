"""Checkpoint files, and the network that a checkpoint or a configuration describes."""
