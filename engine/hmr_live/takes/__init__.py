"""Takes: what the recorder writes, what browser and exporters read."""
