"""The SMPL body in numpy: its files, its kinematic tree, rotations and forward kinematics."""
