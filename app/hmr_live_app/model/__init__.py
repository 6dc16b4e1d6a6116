"""The state of the running program, without Qt; the views observe it."""
