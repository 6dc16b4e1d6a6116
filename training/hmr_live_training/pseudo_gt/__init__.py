"""Pseudo ground truth: SMPL parameters fitted to photos, after SMPLify (Bogo et al., ECCV 2016).

A batched optimiser fits the landmarks of the body to the 2D joints of a photo, and to the
teacher's 2D and 3D points by their confidence, under a pose prior and joint limits of motion
capture.  ``python -m hmr_live_training.pseudo_gt`` fits a split; :mod:`.fits_file` reads the
result.
"""
