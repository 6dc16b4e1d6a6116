"""Poses: motion capture and its mixtures, made postures, joint limits, self-penetration."""
