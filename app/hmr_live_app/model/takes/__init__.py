"""The state of takes while they are listed, played and exported, without Qt."""
