"""The trainer: objective, steps, averages, and the command that runs it."""
