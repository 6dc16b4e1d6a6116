"""Scenes: who stands where, body shapes, cameras, light, crop boxes."""
