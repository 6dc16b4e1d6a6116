"""Timing of the body model and of large networks."""
