"""Train the network: encoders, regressor, losses, data, evaluation and export (torch)."""

# It tells ONNX Runtime, which some modules of this package import, to report nothing.
import hmr_live  # noqa: F401
