"""The motion network: captured motion, the errors of image networks on drawn films, training."""
