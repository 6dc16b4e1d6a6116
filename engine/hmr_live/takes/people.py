"""The people of a take at one moment, as body states for the views and the overlay."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.angles import AnatomicalFrames, joint_angles
from hmr_live.body.kinematics import posed_joints
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS
from hmr_live.core.state import BodyState, CropBox
from hmr_live.recovery.frame_camera import project
from hmr_live.takes.take import Motion, Take

#: Seconds that somebody stays in sight after their last frame; in slower streams, two frames.
HOLD_S: Final = 0.3
#: Times that differ by less count as equal.
_SAME_MOMENT_S: Final = 1e-6


def body_state(
    motion: Motion,
    index: int,
    frame_size: tuple[int, int],
    frames: AnatomicalFrames | None = None,
) -> BodyState:
    """One person in one frame of a take.

    Parameters
    ----------
    motion, index
        The person's motion, and the index of the frame.
    frame_size
        (width, height) in pixels.
    frames
        Anatomical frames of the body, for the angles; see :func:`hmr_live.angles.joint_angles`.
    """
    rotmats = matrix_from_axis_angle(motion.pose[index])
    focal_length, transl = float(motion.focal_length[index]), motion.transl[index]
    joints = motion.joints[index]
    return BodyState(
        rotmats=rotmats,
        betas=motion.betas[index],
        transl=transl,
        focal_length=focal_length,
        camera=motion.camera[index],
        crop_box=CropBox(*(float(value) for value in motion.crop_box[index])),
        joints=joints,
        joints_2d=project(joints, focal_length, frame_size),
        confidence=motion.confidence[index],
        score=float(motion.score[index]),
        angles_of=partial(joint_angles, frames=frames),
        measured=bool(motion.measured[index]),
        track_id=motion.track_id,
    )


class Presence:
    """Who is in sight when.

    Parameters
    ----------
    take
        The take.
    """

    def __init__(self, take: Take) -> None:
        self._motions = [motion for motion in take.motions if len(motion.times)]
        self._holds = [
            max(HOLD_S, 2 * float(np.median(np.diff(motion.times)))) if len(motion.times) > 1 else 0
            for motion in self._motions
        ]

    def at(self, moment: float) -> Iterator[tuple[Motion, int]]:
        """Everybody in sight, with the index of the frame of their motion to show.

        Parameters
        ----------
        moment
            Seconds on the take's clock.
        """
        for motion, hold in zip(self._motions, self._holds, strict=True):
            index = int(np.searchsorted(motion.times, moment + _SAME_MOMENT_S, side="right")) - 1
            if index >= 0 and moment - motion.times[index] <= hold + _SAME_MOMENT_S:
                yield motion, index


def adapt_to_body(take: Take, body: BodyModel) -> tuple[Take, str]:
    """Adapt a take to a body model.

    Poses carry over from one body model to another, shapes do not: on a body model other than the
    take's, people get its mean shape, and their pelvis stays where it was.

    Returns
    -------
    take, message
        The take, which names this body model as its own, and a message about what is different;
        empty if the body model is the take's own.
    """
    recorded = take.info.get("body") or {}
    if recorded.get("sha256", body.sha256) == body.sha256:
        return take, ""
    rest = body.rest_joints(np.zeros(NUM_BETAS, np.float32))
    motions = tuple(_on_rest(motion, rest) for motion in take.motions)
    message = (
        f"This take was recorded with another body model ({recorded.get('name', 'unknown')}) and "
        f"is shown with {body.name}: the poses are the recorded ones, size and shape are not."
    )
    info = {**take.info, "body": {"name": body.name, "sha256": body.sha256}}
    info["body"]["rest_pelvis"] = rest[0].tolist()
    return replace(take, info=info, motions=motions), message


def _on_rest(motion: Motion, rest: NDArray[np.floating[Any]]) -> Motion:
    transl = motion.joints[:, 0] - rest[0]
    joints = posed_joints(matrix_from_axis_angle(motion.pose), rest) + transl[:, None]
    return replace(
        motion,
        betas=np.zeros_like(motion.betas),
        transl=np.asarray(transl, np.float32),
        joints=np.asarray(joints, np.float32),
    )
