"""The desktop program: window, views and command line; all computation is in hmr_live."""
