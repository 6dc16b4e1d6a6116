"""From a frame to bodies: person detector, crop, network, camera, tracking, smoothing."""
