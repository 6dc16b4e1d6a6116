"""The desktop program: window, views and command line.  No maths, no network code."""
