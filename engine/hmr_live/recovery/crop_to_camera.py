"""From the network's output for a crop to a body in the full frame's camera."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial
from typing import Final, NamedTuple

import numpy as np

from hmr_live.angles import AnatomicalFrames, joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import JOINT
from hmr_live.core.state import Array, BodyState, CropBox
from hmr_live.recovery.crop import apply_affine, crop_box_from_joints, frame_from_crop
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.frame_camera import default_focal_length, project
from hmr_live.recovery.network import NetworkOutput

#: For the next crop box, joints count as no nearer than this share of the pelvis's distance.  A
#: hand held into the lens would otherwise be cropped alone.
_NEAREST_SHARE: Final = 0.5
_ANKLES: Final = [JOINT["left_ankle"], JOINT["right_ankle"]]


class CameraSpaceBody(NamedTuple):
    """A body in the full frame's camera; this is what the filters smooth."""

    rotmats: Array
    betas: Array
    transl: Array


class CropEstimate(NamedTuple):
    """What the network estimated from one crop, before any smoothing.

    Attributes
    ----------
    crop_box
        Where the crop lies in the frame.
    output
        The network's output.
    body
        The body in the full frame's camera.
    joints_2d
        ``(24, 2)`` frame pixels: where the network sees the joints, for tracking.
    next_crop_box
        The crop box around these joints, for the next frame.
    """

    crop_box: CropBox
    output: NetworkOutput
    body: CameraSpaceBody
    joints_2d: Array
    next_crop_box: CropBox


class CropToCamera:
    """Moves bodies from the crop's camera to the full frame's.

    Parameters
    ----------
    body_model
        The body model.
    focal_length
        Pixels of the full frame; from a 60 degree field of view when None.
    """

    def __init__(self, body_model: BodyModel, focal_length: float | None = None) -> None:
        self._body_model = body_model
        self.focal_length = focal_length
        self._angles_of = partial(joint_angles, frames=AnatomicalFrames.of(body_model))

    def estimate(
        self, crop_box: CropBox, output: NetworkOutput, size: tuple[int, int]
    ) -> CropEstimate:
        """The network's output for the crop at ``crop_box``, in a frame of ``size``."""
        camera = CropCamera.of(crop_box, size, self.focal_length_of(size))
        body = self._to_camera_space(camera, output)
        joints = self._body_model.joints(body.rotmats, body.betas) + body.transl
        if math.isfinite(output.focal):
            joints[:, 2] = np.maximum(joints[:, 2], _NEAREST_SHARE * joints[0, 2])
            joints_2d = project(joints, self.focal_length_of(size), size)
        else:
            joints_2d = _in_weak_perspective(joints, camera, crop_box, float(output.camera[0]))
        return CropEstimate(
            crop_box, output, body, joints_2d, crop_box_from_joints(joints_2d, size)
        )

    def state(
        self, estimate: CropEstimate, body: CameraSpaceBody, track_id: int, size: tuple[int, int]
    ) -> BodyState:
        """The state of a person for the rest of the program.

        Parameters
        ----------
        estimate
            What the network estimated.
        body
            The body to show: that of the estimate, or the same one smoothed.
        track_id
            Identity.
        size
            (width, height) of the frame.
        """
        joints, joints_2d = self._joints(body, size)
        return BodyState(
            rotmats=body.rotmats,
            betas=body.betas,
            transl=body.transl,
            focal_length=self.focal_length_of(size),
            camera=estimate.output.camera,
            crop_box=estimate.crop_box,
            joints=joints,
            joints_2d=joints_2d,
            confidence=estimate.output.confidence,
            score=estimate.output.score,
            angles_of=self._angles_of,
            track_id=track_id,
        )

    def with_body(
        self, state: BodyState, body: CameraSpaceBody, size: tuple[int, int]
    ) -> BodyState:
        """The same person in another pose, shape or place, in a frame of ``size``."""
        joints, joints_2d = self._joints(body, size)
        return replace(
            state,
            **body._asdict(),
            joints=joints,
            joints_2d=joints_2d,
        )

    def reshaped(self, body: CameraSpaceBody, betas: Array) -> CameraSpaceBody:
        """The body in another shape ``(10,)``, so far away that it is as large in the picture."""
        before, after = (self._body_model.rest_joints(shape) for shape in (body.betas, betas))
        ratio = _extent(after) / _extent(before)
        pelvis = (body.transl + before[0]) * ratio
        return CameraSpaceBody(body.rotmats, betas, np.asarray(pelvis - after[0], np.float32))

    def _to_camera_space(self, crop_camera: CropCamera, output: NetworkOutput) -> CameraSpaceBody:
        rotmats = output.rotmats.copy()
        rotmats[0] = crop_camera.rotation.T @ rotmats[0]
        pelvis = self._body_model.rest_joints(output.betas)[0]
        transl = crop_camera.translation_in_frame(output.camera, pelvis)
        return CameraSpaceBody(rotmats, output.betas, transl)

    def _joints(self, body: CameraSpaceBody, size: tuple[int, int]) -> tuple[Array, Array]:
        """Joints in the camera frame ``(24, 3)`` and in the picture ``(24, 2)``."""
        joints = self._body_model.joints(body.rotmats, body.betas) + body.transl
        return joints, project(joints, self.focal_length_of(size), size)

    def focal_length_of(self, size: tuple[int, int]) -> float:
        """Focal length in pixels of frames of a ``size``."""
        return self.focal_length or default_focal_length(size)


def _extent(rest: Array) -> float:
    """Size of a shape: from the middle of the ankles to the neck of the resting joints."""
    return float(rest[JOINT["neck"], 1] - rest[_ANKLES, 1].mean())


def _in_weak_perspective(
    joints: Array, camera: CropCamera, crop_box: CropBox, scale: float
) -> Array:
    """Joints ``(24, 3)`` in the frame's camera -> frame pixels, as a weak-perspective network sees.

    Such a network learned from plain cut-outs and knows no depth: true perspective would enlarge
    whatever it believes near, and with it the next crop.
    """
    in_crop = scale * (joints @ camera.rotation.T)[:, :2]
    return apply_affine(frame_from_crop(crop_box, 2), in_crop + 1)
