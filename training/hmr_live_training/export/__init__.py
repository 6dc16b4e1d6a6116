"""Exported networks: ONNX with a manifest, variants of lower precision, imported checkpoints."""
