"""The Qt widgets of the main window, each on its own."""
