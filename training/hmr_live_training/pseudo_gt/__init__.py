"""SMPL parameters fitted to real photos, in the manner of SMPLify (Bogo et al., ECCV 2016).

A batched optimiser brings the body's landmarks onto a photo's own 2D joints and onto the
teacher's 2D and 3D points as far as these may be believed, under a prior of captured poses and
their joint limits.  ``python -m hmr_live_training.pseudo_gt`` fits a split;
``hmr_live_training.pseudo_gt.fits_file`` reads the
result.
"""
