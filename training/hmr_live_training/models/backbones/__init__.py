"""Image encoders: crop in, feature vector out."""
