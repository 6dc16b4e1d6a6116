"""Whole videos and pictures, one at a time or as an archive: every frame, results in folders."""
