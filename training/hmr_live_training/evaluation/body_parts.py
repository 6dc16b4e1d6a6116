"""Groups of joints with figures of their own, so that no body part fails unnoticed."""

from __future__ import annotations

from typing import Final

from hmr_live.body.skeleton import JOINT, JOINT_NAMES
from hmr_live_training.landmarks import BODY_LANDMARKS, LSP_LIMBS, LSP_NAMES, NUM_BLAZEPOSE

#: Indices of LSP limb joints: each part on both sides, then each side.
LIMB_GROUPS: Final = {
    f"{part.lower()}s": [k for k in LSP_LIMBS if LSP_NAMES[k][1:] == part]
    for part in ("Ankle", "Knee", "Hip", "Wrist", "Elbow", "Shoulder")
} | {
    side: [k for k in LSP_LIMBS if LSP_NAMES[k][0] == side[0].upper()] for side in ("left", "right")
}

_POINTS: Final = {
    "head": ("nose", "eye", "ear"),
    "hands": ("pinky", "index", "thumb"),
    "feet": ("heel", "toe"),
}
#: Indices of the BlazePose points among :data:`.BODY_LANDMARKS`.
POINT_GROUPS: Final = {
    group: [
        k
        for k, landmark in enumerate(BODY_LANDMARKS[:NUM_BLAZEPOSE])
        if landmark.name.split("_")[-1] in names
    ]
    for group, names in _POINTS.items()
}

_TURNING: Final = {
    "limbs": ("hip", "knee", "shoulder", "elbow"),
    "trunk": ("spine1", "spine2", "spine3", "collar"),
    "head": ("neck", "head"),
    "wrists": ("wrist",),
    "ankles, feet": ("ankle", "foot"),
}
#: SMPL joints whose relative rotations are compared together.
ROTATION_GROUPS: Final = {
    group: [JOINT[name] for name in JOINT_NAMES if name.split("_")[-1] in names]
    for group, names in _TURNING.items()
}
