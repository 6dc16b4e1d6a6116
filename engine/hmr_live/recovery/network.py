"""The HMR network: a person crop in, SMPL parameters and the camera (s, tx, ty) out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from hmr_live.backends import open_backend
from hmr_live.backends.timing import Timings
from hmr_live.body.rotations import matrix_from_6d, matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS
from hmr_live.core.assets import asset_path, read_manifest
from hmr_live.core.errors import AssetError
from hmr_live.core.state import Array, CropBox, Image
from hmr_live.recovery.crop import crop_image
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.frame_camera import default_focal_length

#: The shipped network that is used when none is named.
DEFAULT_NETWORK = ("networks", "full.onnx")
#: What a manifest's ``camera`` says of a network that reads the focal lengths of its crops.
PERSPECTIVE = "perspective"
#: Points nearer to the camera than this share of the body's distance count as so near.
_LEAST_DEPTH = 0.05


@dataclass(frozen=True, slots=True)
class NetworkOutput:
    """The network's output for one crop; see :class:`hmr_live.core.state.BodyState` for the fields.

    ``rotmats[0]`` and ``camera`` are of the *crop's* camera (:mod:`.crop_camera`), which looks
    along the ray to the person.  ``focal`` is that camera's focal length in halves of the crop,
    infinite for a network of weak perspective.
    """

    rotmats: Array
    betas: Array
    camera: Array
    score: float
    confidence: Array
    focal: float = math.inf

    def in_crop(self, points: Array) -> Array:
        """Points ``(K, 3)`` of the posed body -> ``(K, 2)`` in [-1, 1] across the crop."""
        scale = self.camera[0]
        depth = np.maximum(1 + scale * points[:, 2:] / self.focal, _LEAST_DEPTH)
        return np.asarray(scale * (points[:, :2] + self.camera[1:]) / depth)

    @property
    def is_finite(self) -> bool:
        """Whether no number is NaN or infinite; a back end in low precision can overflow."""
        numbers = (self.rotmats, self.betas, self.camera, self.confidence)
        return all(bool(np.isfinite(n).all()) for n in numbers) and math.isfinite(self.score)


class HmrNetwork:
    """A network file with its manifest, loaded into a back end.

    Parameters
    ----------
    model
        ``.onnx`` file with its manifest beside it; the shipped one by default.
    backend, threads, timings
        See :func:`hmr_live.backends.open_backend`.

    Raises
    ------
    AssetError
        If the file or its manifest is missing, damaged, or not an HMR network.
    BackendError
        If no back end runs it.
    """

    def __init__(
        self,
        model: Path | None = None,
        *,
        backend: str = "auto",
        threads: int = 1,
        timings: Timings | None = None,
    ) -> None:
        path = model or asset_path(*DEFAULT_NETWORK)
        self.manifest = read_manifest(path)
        self._read_contract(path)
        # Reused from frame to frame; they grow with the number of people.
        self._crops = np.empty((1, self.size, self.size, 3), np.uint8)
        self._inputs = np.empty((1, 3, self.size, self.size), np.float32)
        self.backend = open_backend(path, name=backend, threads=threads, timings=timings)
        if self.backend.reads_focal != (self.manifest.get("camera") == PERSPECTIVE):
            self.backend.close()
            raise AssetError(
                f"{path.name} and its manifest disagree on whether the network reads the focal "
                "length: they are of two exports. Copy both files of one export."
            )

    @property
    def name(self) -> str:
        """Name of the network, from its manifest."""
        return str(self.manifest.get("name", "unnamed"))

    @property
    def has_presence_score(self) -> bool:
        """Whether the network itself says how likely a person is in the crop."""
        return "score" in self.manifest["outputs"]

    def close(self) -> None:
        """Release the back end."""
        self.backend.close()

    @property
    def perspective(self) -> bool:
        """Whether the network reads the focal lengths of its crops."""
        return self.backend.reads_focal

    def _read_contract(self, path: Path) -> None:
        try:
            source: dict[str, Any] = self.manifest["input"]
            height, width = source["size"]
            if height != width:
                raise ValueError("the input is not square")
            self.size = int(height)
            mean = np.asarray(source.get("mean", [0, 0, 0]), np.float32)
            std = np.asarray(source.get("std", [1, 1, 1]), np.float32)
            outputs = self.manifest["outputs"]
        except (KeyError, TypeError, ValueError) as error:
            raise AssetError(
                f"The manifest of {path.name} does not describe an HMR network ({error}): "
                "export it again."
            ) from error
        self._preparation = _preparation(mean.reshape(3), std.reshape(3))
        pose = [name for name in ("pose_6d", "pose_axis_angle") if name in outputs]
        missing = [name for name in ("betas", "camera") if name not in outputs]
        if not pose or missing:
            raise AssetError(
                f"{path.name} is not an HMR network: its manifest lacks the output "
                f"{', '.join(missing or ['pose_6d'])}."
            )
        self._pose_name = pose[0]

    def crop(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None = None
    ) -> Array:
        """Network input ``(n, 3, size, size)`` for n crop boxes of a BGR frame; a new array."""
        return self._input(image, self._cameras(image, crop_boxes, focal_length), crop_boxes).copy()

    def run(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None = None
    ) -> list[NetworkOutput]:
        """Recover the person in each crop of a frame, in one batch.

        Parameters
        ----------
        image
            ``(H, W, 3)`` BGR.
        crop_boxes
            Where the people are.
        focal_length
            Of the frame's camera, pixels; from a 60 degree field of view when None.
        """
        cameras = self._cameras(image, crop_boxes, focal_length)
        focal = np.array([[camera.focal] for camera in cameras], np.float32)
        crops = self._input(image, cameras, crop_boxes)
        out = self.backend.run(crops, focal if self.backend.reads_focal else None)
        n = len(crop_boxes)
        # Another project's network may lack these two: then every crop counts as a certain person.
        score = out.get("score", np.ones((n, 1), np.float32)).reshape(n)
        confidence = out.get("confidence", np.ones((n, NUM_JOINTS), np.float32))
        pose = out[self._pose_name].reshape(n, NUM_JOINTS, -1)
        decode = matrix_from_6d if self._pose_name == "pose_6d" else matrix_from_axis_angle
        rotmats = decode(pose.astype(np.float32))
        betas = out["betas"].reshape(n, -1)[:, :NUM_BETAS]
        return [
            NetworkOutput(
                rotmats[i],
                betas[i],
                out["camera"][i],
                float(score[i]),
                confidence[i],
                cameras[i].focal if self.backend.reads_focal else math.inf,
            )
            for i in range(n)
        ]

    def _cameras(
        self, image: Image, crop_boxes: Sequence[CropBox], focal_length: float | None
    ) -> list[CropCamera]:
        size = (image.shape[1], image.shape[0])
        focal_length = focal_length or default_focal_length(size)
        return [CropCamera.of(crop_box, size, focal_length) for crop_box in crop_boxes]

    def _input(
        self, image: Image, cameras: Sequence[CropCamera], crop_boxes: Sequence[CropBox]
    ) -> Array:
        """Like :meth:`crop`, in a buffer that the next call overwrites."""
        count = len(crop_boxes)
        if len(self._inputs) < count:
            self._crops = np.empty((count, self.size, self.size, 3), np.uint8)
            self._inputs = np.empty((count, 3, self.size, self.size), np.float32)
        # A network of weak perspective learned from plain cut-outs.
        seen = cameras if self.perspective else [None] * count
        crops = [
            crop_image(image, crop_box, self.size, camera=camera, out=crop)
            for crop_box, camera, crop in zip(crop_boxes, seen, self._crops, strict=False)
        ]
        blob = cv2.dnn.blobFromImagesWithParams(crops, self._inputs[:count], self._preparation)
        return np.asarray(blob, np.float32)


def _preparation(mean: Array, std: Array) -> cv2.dnn.Image2BlobParams:
    """From BGR bytes to normalised RGB, channels first, in one pass.

    Parameters
    ----------
    mean, std
        ``(3,)`` of RGB in [0, 1].
    """
    parameters = cv2.dnn.Image2BlobParams()
    parameters.mean = (*(255 * mean).tolist(), 0.0)
    parameters.scalefactor = (*(1 / (255 * std)).tolist(), 1.0)
    parameters.swapRB = True
    return parameters
