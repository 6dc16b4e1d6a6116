"""The recipes: everything that decides what a training run does."""
