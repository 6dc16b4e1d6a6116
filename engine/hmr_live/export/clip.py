"""One person of a take, ready for export: constant frame rate, upright world, one shape."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hmr_live.angles import AnatomicalFrames, joint_angles
from hmr_live.body.kinematics import posed_joints
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.core.errors import ExportError
from hmr_live.export.resampling import LONGEST_BRIDGE_S, ResamplingGrid, resampling_grid
from hmr_live.export.world_frame import (
    Y_UP_FROM_CAMERA,
    Z_UP_FROM_Y_UP,
    UpAxis,
    world_of,
)
from hmr_live.takes.take import Marker, Motion, Take

Array = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class MotionClip:
    """One person at a constant rate, T frames, float64, in an upright world in metres.

    Attributes
    ----------
    name
        Name of the take, and of the person if there are several.
    track_id
        Identity within the take.
    rate
        Frames a second.
    start
        Seconds on the take's clock at frame 0.
    start_unix
        The same on the wall clock.
    rotmats
        ``(T, 24, 3, 3)`` relative to the parent joint; joint 0 turns the body frame (y up) into
        the world.
    transl
        ``(T, 3)`` added to the posed body, as in SMPL.
    betas
        ``(10,)``: the take's median.
    confidence
        ``(T, 24)`` in [0, 1].
    seen
        ``(T,)``, False in gaps, where the last pose is held.
    measured
        ``(T,)``, False where the pose was extrapolated.
    up
        Axis of the world that points up.
    body
        The body model.
    info
        The take's metadata.
    markers
        The take's markers, in order, with times in seconds since frame 0; those outside the clip
        are left out.
    """

    name: str
    track_id: int
    rate: float
    start: float
    start_unix: float
    rotmats: Array
    transl: Array
    betas: Array
    confidence: Array
    seen: NDArray[np.bool_]
    measured: NDArray[np.bool_]
    up: UpAxis
    body: BodyModel
    info: Mapping[str, Any]
    markers: tuple[Marker, ...] = ()

    def __len__(self) -> int:
        return len(self.rotmats)

    @property
    def times(self) -> NDArray[np.float64]:
        """``(T,)`` seconds since frame 0."""
        return np.asarray(np.arange(len(self)) / self.rate, np.float64)

    @cached_property
    def rest(self) -> Array:
        """``(24, 3)`` joints of the shaped rest pose in the body frame."""
        return self.body.rest_joints(self.betas).astype(np.float64)

    @cached_property
    def joints(self) -> Array:
        """``(T, 24, 3)`` in the world."""
        return posed_joints(self.rotmats, self.rest) + self.transl[:, None]

    @cached_property
    def angles(self) -> Array:
        """``(T, A)`` degrees of :data:`hmr_live.angles.ANGLES`; pelvis relative to the world."""
        rotmats = self.turned("y").rotmats.copy()
        # The angles expect the frame of a level camera.
        rotmats[:, 0] = Y_UP_FROM_CAMERA.T @ rotmats[:, 0]
        return np.asarray(joint_angles(rotmats, AnatomicalFrames.of(self.body)))

    def turned(self, up: UpAxis) -> MotionClip:
        """The same clip in a world with another axis up."""
        if up == self.up:
            return self
        return self.moved(Z_UP_FROM_Y_UP if up == "z" else Z_UP_FROM_Y_UP.T, np.zeros(3), up)

    def moved(self, rotation: Array, translation: Array, up: UpAxis | None = None) -> MotionClip:
        """The clip in a world ``x' = rotation x + translation``."""
        pelvis = self.transl + self.rest[0]
        rotmats = self.rotmats.copy()
        rotmats[:, 0] = rotation @ rotmats[:, 0]
        return replace(
            self,
            rotmats=rotmats,
            transl=pelvis @ rotation.T + translation - self.rest[0],
            up=up or self.up,
        )

    @property
    def gaps(self) -> tuple[int, float]:
        """Number of gaps, and their total length in seconds."""
        inside = np.concatenate([[False], ~self.seen])
        return int((inside[1:] & ~inside[:-1]).sum()), float((~self.seen).sum() / self.rate)

    def describe_gaps(self) -> str:
        """Message about frames without the person; empty if there are none."""
        count, seconds = self.gaps
        if not count:
            return ""
        return (
            f"{self.name}: the person was out of sight {count} time{'s' * (count > 1)} for more "
            f"than {LONGEST_BRIDGE_S:g} s ({seconds:.1f} s in total); there, the last pose "
            "is held, or the values are left empty if the format allows it."
        )


def make_clip(
    take: Take,
    motion: Motion,
    body: BodyModel,
    *,
    name: str,
    rate: float | None = None,
) -> MotionClip:
    """Resample one person of a take to a constant rate, in an upright world (y up).

    Parameters
    ----------
    take, motion
        The take, and the person in it.
    body
        The body model that the take was recorded with.
    name
        Name of the clip in files.
    rate
        Frames a second; by default the take's own, see
        :func:`hmr_live.export.resampling.natural_rate`.

    Raises
    ------
    ExportError
        If the motion has no frames, contains NaN or infinity, or its times run backwards.
    """
    if not len(motion.times):
        raise ExportError(f"{name} has no frames: there is nothing to export.")
    if not (np.isfinite(motion.pose).all() and np.isfinite(motion.transl).all()):
        raise ExportError(
            f"{name} contains NaN or infinity, so it cannot be exported: record it again."
        )
    grid = resampling_grid(motion.times, rate)
    return _upright(take, motion, body, grid, name)


def _upright(
    take: Take, motion: Motion, body: BodyModel, grid: ResamplingGrid, name: str
) -> MotionClip:
    rotation, translation = world_of(take.info)
    rotmats = matrix_from_axis_angle(motion.pose.astype(np.float64))
    rotmats[:, 0] = rotation @ rotmats[:, 0]
    # The pelvis stays where it was, although the shape becomes the same in all frames.
    shapes, which = np.unique(motion.betas, axis=0, return_inverse=True)
    rest_pelvis = np.stack([body.rest_joints(betas)[0] for betas in shapes])[which.reshape(-1)]
    pelvis = (motion.transl + rest_pelvis) @ rotation.T + translation
    betas = np.median(motion.betas, axis=0).astype(np.float32)
    return MotionClip(
        name=name,
        track_id=motion.track_id,
        rate=grid.rate,
        start=float(motion.times[0]),
        start_unix=float(motion.unix_times[0]),
        rotmats=grid.rotations(rotmats),
        transl=grid.linear(pelvis) - body.rest_joints(betas)[0],
        betas=betas,
        confidence=grid.linear(motion.confidence),
        seen=grid.seen,
        measured=grid.nearest(motion.measured),
        up="y",
        body=body,
        info=take.info,
        markers=_markers(take, motion, grid),
    )


def _markers(take: Take, motion: Motion, grid: ResamplingGrid) -> tuple[Marker, ...]:
    last, half = (len(grid.before) - 1) / grid.rate, 0.5 / grid.rate
    since = [(marker.time - float(motion.times[0]), marker.label) for marker in take.markers]
    return tuple(
        Marker(min(max(moment, 0.0), last), label)
        for moment, label in since
        if -half <= moment <= last + half
    )
