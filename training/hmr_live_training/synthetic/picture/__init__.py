"""Pictures of scenes: the rendered part of the frame, occluders, camera degradations."""
