"""Clinical joint angles in degrees, from SMPL rotations.

Definitions follow the recommendations of the International Society of Biomechanics (Wu et al.
2002 for hip, ankle and spine, 2005 for shoulder, elbow and wrist; Grood and Suntay 1983 for the
knee), with signs that match the angle's name.  Each is written down in
:mod:`engine.angles.definitions`; ``hmr-live angles`` prints them.
"""

from engine.angles.continuity import AngleContinuity, continued_angles
from engine.angles.definition import AngleDefinition
from engine.angles.definitions import ANGLE_INDEX, ANGLES
from engine.angles.frames import AnatomicalFrames
from engine.angles.listing import definitions_text
from engine.angles.measure import joint_angles

__all__ = [
    "ANGLES",
    "ANGLE_INDEX",
    "AnatomicalFrames",
    "AngleContinuity",
    "AngleDefinition",
    "continued_angles",
    "definitions_text",
    "joint_angles",
]
