"""SMPL ``.pkl`` in the layout of VIBE's ``vibe_output.pkl``, which many tools read.

A dictionary from person to arrays: ``pred_cam`` (T, 3), ``orig_cam`` (T, 4), ``pose`` (T, 72),
``betas`` (T, 10), ``joints3d`` (T, 24, 3), ``bboxes`` (T, 4), ``frame_ids`` (T,), and ``trans``
(T, 3) as WHAM has it.  Everything is of the camera frame (x right, y down, z forward) and of the
frames as they were recorded: neither resampling nor floor apply.

Unlike VIBE's, the file is an ordinary pickle of dictionaries and arrays without joblib
(``joblib.load`` reads it all the same), holds SMPL's 24 joints instead of SPIN's 49, and no
``verts``, which follow from the rest.  PHALP's and 4D-Humans' own pickles are another format, one
record a frame; their readers do not open this one.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.core.errors import ExportError
from hmr_live.takes.take import Motion

Array = NDArray[np.floating[Any]]
_Reduced = tuple[Callable[..., Any], tuple[Any, ...]]


def write_smpl_pickle(info: Mapping[str, Any], motions: Sequence[Motion], path: Path) -> None:
    """Write people of a take.

    Raises
    ------
    ExportError
        When the take does not say how large its frames were.
    OSError
        When the disk refuses.
    """
    if "frame_size" not in info:
        raise ExportError(
            "The take does not say how large its frames were, so that its cameras cannot go into "
            "a .pkl: choose npz instead."
        )
    width, height = info["frame_size"]
    people = {motion.track_id: _person(motion, width, height) for motion in motions}
    with path.open("wb") as file:
        _PlainArrays(file, protocol=2).dump(people)


def _person(motion: Motion, width: float, height: float) -> dict[str, Array | NDArray[np.int64]]:
    # VIBE's cameras are weak perspective and its crops upright.  Ours are neither, so these are the
    # cameras that put the body, as if all of it stood at one depth, at the same place of the frame.
    pixels_per_metre = motion.focal_length / motion.transl[:, 2]
    place = motion.transl[:, :2]
    centre, side = motion.crop_box[:, :2], motion.crop_box[:, 2]
    offset = (centre - np.array([width, height], np.float32) / 2) / pixels_per_metre[:, None]
    count = len(motion.times)
    return {
        "pred_cam": _columns(2 * pixels_per_metre / side, place - offset),
        "orig_cam": _columns(2 * pixels_per_metre / width, 2 * pixels_per_metre / height, place),
        "pose": motion.pose.reshape(count, -1),
        "betas": motion.betas,
        "trans": motion.transl,
        "joints3d": motion.joints,
        "bboxes": _columns(centre, side, side),
        "frame_ids": motion.frame_index,
    }


def _columns(*parts: Array) -> Array:
    return np.column_stack(parts).astype(np.float32)


class _PlainArrays(pickle.Pickler):
    """Writes arrays as calls of ``numpy.ndarray``.

    Numpy 2 pickles arrays under a name that the numpy 1 of older research code does not know.
    """

    def reducer_override(self, obj: object) -> _Reduced:
        """Replace arrays; everything else is pickled as usual."""
        if isinstance(obj, np.ndarray):
            data = bytearray(np.ascontiguousarray(obj).tobytes())
            return np.ndarray, (obj.shape, obj.dtype.str, data)
        as_usual: _Reduced = NotImplemented
        return as_usual
