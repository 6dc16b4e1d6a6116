"""OpenGL without a window: shaders, shadow map, layers of textured surfaces."""
