"""Reading, writing and changing ONNX files."""
