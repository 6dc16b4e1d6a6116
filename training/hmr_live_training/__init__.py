"""Train the network: encoders, regressor, losses, data, evaluation and export (torch)."""
