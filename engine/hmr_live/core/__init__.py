"""What all packages of the engine use: frame and body state, errors, timing, shipped files."""
