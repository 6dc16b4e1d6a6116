"""MakeHuman's clothes, shoes, hats and hair in the open body's T-pose, kept in a file."""
