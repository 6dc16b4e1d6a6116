"""C3D, the exchange format of motion capture laboratories: the 24 joint centres as points.

Millimetres, z up by default, as laboratories have it.  Frames in which the person was not seen
are marked as missing (residual -1).  The take's markers are the group EVENT, whose times are
minutes and seconds since the first frame; the format holds 255 of them.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

import numpy as np

from hmr_live.body.skeleton import JOINT_NAMES, NUM_JOINTS
from hmr_live.core.errors import ExportError
from hmr_live.core.optional_packages import import_package
from hmr_live.export.clip import MotionClip

logger = logging.getLogger(__name__)

MILLIMETRES: Final = 1000.0
#: Frame numbers of the format's header have 16 bits.
_MOST_FRAMES: Final = 65_535
#: Dimensions of a parameter have 8 bits.
_MOST_EVENTS: Final = 255


def write_c3d(clip: MotionClip, path: Path) -> None:
    """Write a clip.

    Raises
    ------
    ExportError
        When ezc3d is not installed, or the clip has more frames than the format can count.
    OSError
        When the disk refuses.
    """
    ezc3d = import_package("ezc3d", "ezc3d", "The C3D export", extra="export", error=ExportError)
    if len(clip) > _MOST_FRAMES:
        raise ExportError(
            f"{clip.name} has {len(clip)} frames, and C3D counts to {_MOST_FRAMES}: choose a lower "
            "--rate, or TRC."
        )
    points = np.ones((4, NUM_JOINTS, len(clip)))
    points[:3] = (clip.joints * MILLIMETRES).transpose(2, 1, 0)
    points[:3, :, ~clip.seen] = np.nan
    residuals = np.zeros((1, NUM_JOINTS, len(clip)))
    residuals[:, :, ~clip.seen] = -1.0
    content = ezc3d.c3d()
    group = content["parameters"]["POINT"]
    group["RATE"]["value"] = [clip.rate]
    group["UNITS"]["value"] = ["mm"]
    group["LABELS"]["value"] = list(JOINT_NAMES)
    group["DESCRIPTIONS"]["value"] = ["joint centre"] * NUM_JOINTS
    # Which axes of the world a screen shows, with up and forward to the right.
    content.add_parameter("POINT", "X_SCREEN", ["+X"])
    content.add_parameter("POINT", "Y_SCREEN", [f"+{clip.up.upper()}"])
    for name, value in _events(clip).items():
        content.add_parameter("EVENT", name, value)
    content["data"]["points"] = points
    content["data"]["meta_points"]["residuals"] = residuals
    content.write(str(path))


def _events(clip: MotionClip) -> dict[str, object]:
    """Parameters of the group EVENT: the markers, as events of no side; none without markers."""
    markers = clip.markers[:_MOST_EVENTS]
    if not markers:
        return {}
    if len(markers) < len(clip.markers):
        logger.warning(
            "%s: C3D holds %d events; the %d markers after them are left out.",
            clip.name,
            _MOST_EVENTS,
            len(clip.markers) - len(markers),
        )
    count = len(markers)
    minutes, seconds = np.divmod([marker.time for marker in markers], 60)
    return {
        "USED": count,
        "CONTEXTS": ["General"] * count,
        "LABELS": [marker.label for marker in markers],
        "DESCRIPTIONS": ["marker"] * count,
        "TIMES": np.stack([minutes, seconds]),
    }
