"""The graphics area: the video with the bodies over it and the 3D view beside it (OpenGL)."""
