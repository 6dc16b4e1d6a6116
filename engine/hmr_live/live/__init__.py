"""A live session: threads, latency, adaptive quality, frame skipping."""
