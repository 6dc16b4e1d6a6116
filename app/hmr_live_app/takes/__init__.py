"""Takes in the window: the list of them, playing, cutting, smoothing, exporting.

:class:`.TakePlayer` is the model and knows no Qt; the others show it.
"""
