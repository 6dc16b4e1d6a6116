"""Exported networks: ONNX with a manifest, lower precisions and their proofs, imports."""
