"""Takes in the window: listing, playing, cutting, smoothing and exporting them.

:class:`.TakePlayer` is the model and knows no Qt; the others show it.
"""
