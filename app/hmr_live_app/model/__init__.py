"""The state of the running program, without Qt; windows and plots observe it."""
