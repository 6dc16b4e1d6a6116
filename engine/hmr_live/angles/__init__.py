"""Clinical joint angles in degrees, from SMPL rotations.

Definitions follow the recommendations of the International Society of Biomechanics (Wu et al.
2002 for hip, ankle and spine, 2005 for shoulder, elbow and wrist; Grood and Suntay 1983 for the
knee), with signs that match the angle's name.  Each is written down in
:mod:`hmr_live.angles.definitions`; ``hmr-live angles`` prints them.
"""

from hmr_live.angles.continuity import AngleContinuity, unwrap_angles
from hmr_live.angles.definition import AngleDefinition
from hmr_live.angles.definitions import ANGLE_INDEX, ANGLES, definitions_text
from hmr_live.angles.frames import AnatomicalFrames
from hmr_live.angles.measure import joint_angles

__all__ = [
    "ANGLES",
    "ANGLE_INDEX",
    "AnatomicalFrames",
    "AngleContinuity",
    "AngleDefinition",
    "definitions_text",
    "joint_angles",
    "unwrap_angles",
]
