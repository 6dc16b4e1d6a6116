"""What the body and large networks cost in time."""
