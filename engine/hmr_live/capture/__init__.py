"""Cameras: their devices, the thread that reads one, and how its return is noticed."""
