"""Training data: photos, motion capture, the teacher's labels and stored features."""
