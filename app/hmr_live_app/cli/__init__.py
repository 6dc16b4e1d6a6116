"""The command line: ``hmr-live`` and its commands."""
