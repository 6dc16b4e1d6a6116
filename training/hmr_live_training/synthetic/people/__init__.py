"""Dressed people: outfits, hair, and the layers that the renderer draws."""
