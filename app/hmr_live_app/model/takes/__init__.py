"""Takes as the program holds them while they are listed, played and exported; without Qt."""
