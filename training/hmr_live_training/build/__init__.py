"""One command from data to a network that ships: the stages of a recipe, one after the other."""
