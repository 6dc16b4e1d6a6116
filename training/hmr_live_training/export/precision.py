"""How far a back end or a precision moves the body: the same crops twice, compared in millimetres.

Joints are those of the shipped body, through the same :mod:`hmr_live` code as live, relative to the
body's own origin: rotations and betas count, the camera is reported in pixels of the crop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model import BodyModel
from hmr_live.capture.sources import read_image
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.data.crops import crop_box_from_lsp
from hmr_live_training.data.lspet import Split, load_lspet

Array = NDArray[np.floating[Any]]
_PICTURES: Final = {".jpg", ".jpeg", ".png", ".bmp"}


@dataclass(frozen=True)
class Subject:
    """One person in one picture."""

    image: Image
    crop_box: CropBox


@dataclass(frozen=True)
class JointPrediction:
    """What a network says of N subjects.

    Attributes
    ----------
    joints
        ``(N, 24, 3)`` metres.
    points
        ``(N, 24, 2)`` the same in pixels of the crop.
    scores
        ``(N,)``.
    """

    joints: Array
    points: Array
    scores: Array


@dataclass(frozen=True)
class JointChange:
    """Distance between two predictions over all joints of all subjects."""

    subjects: int
    mean: float
    p95: float
    max: float
    mean_pixels: float
    max_score: float

    def as_text(self) -> str:
        """One line for people."""
        return (
            f"joints moved by {self.mean:.3f} mm mean, {self.p95:.3f} mm p95, {self.max:.2f} mm "
            f"max; {self.mean_pixels:.3f} px mean in the crop; score by {self.max_score:.4f} at "
            f"most ({self.subjects} crops)"
        )

    def as_dict(self) -> dict[str, float]:
        """For a manifest."""
        return {name: round(value, 4) for name, value in asdict(self).items()}


def subjects_from_lspet(data: Path, split: Split, count: int) -> list[Subject]:
    """``count`` people spread evenly over a split of LSPET, in the crop boxes that labels give."""
    photos = load_lspet(data, split)
    chosen = np.linspace(0, len(photos) - 1, min(count, len(photos))).astype(int)
    return [Subject(photos.image(i), crop_box_from_lsp(photos.keypoints[i])) for i in chosen]


def subjects_from_folder(folder: Path, count: int) -> list[Subject]:
    """The largest person of each of ``count`` pictures at most, as the person detector finds them.

    Raises
    ------
    AssetError
        If the folder holds no picture with a person.
    """
    detector = PersonDetector(backend="onnxruntime")
    paths = sorted(p for p in folder.iterdir() if p.suffix.lower() in _PICTURES)
    subjects: list[Subject] = []
    for path in paths:
        image = read_image(path)
        subjects += [Subject(image, d.crop_box) for d in detector.detect(image)[:1]]
        if len(subjects) == count:
            break
    if not subjects:
        raise AssetError(f"No person was found in the pictures of {folder}: name another folder.")
    return subjects


def network_inputs(network: HmrNetwork, subjects: Sequence[Subject]) -> Array:
    """Crops ``(N, 3, size, size)`` as the network takes them."""
    return np.concatenate([network.crop(s.image, [s.crop_box]) for s in subjects])


def predict(network: HmrNetwork, subjects: Sequence[Subject], body: BodyModel) -> JointPrediction:
    """Run a network over all subjects."""
    outputs = [network.run(s.image, [s.crop_box])[0] for s in subjects]
    joints = np.stack([body.joints(o.rotmats, o.betas) for o in outputs])
    camera = np.stack([o.camera for o in outputs])[:, None]
    focal = np.array([o.focal for o in outputs])[:, None, None]
    depth = np.maximum(1 + camera[..., :1] * joints[..., 2:] / focal, 0.05)
    points = camera[..., :1] * (joints[..., :2] + camera[..., 1:]) / depth
    return JointPrediction(
        joints, (points + 1) * network.size / 2, np.array([o.score for o in outputs])
    )


def change_between(one: JointPrediction, other: JointPrediction) -> JointChange:
    """Compare two predictions of the same subjects.

    Returns
    -------
    Distances; NaN in either prediction makes them NaN.
    """
    distance = np.linalg.norm(one.joints - other.joints, axis=-1) * 1000
    return JointChange(
        subjects=len(distance),
        mean=float(distance.mean()),
        p95=float(np.percentile(distance, 95)),
        max=float(distance.max()),
        mean_pixels=float(np.linalg.norm(one.points - other.points, axis=-1).mean()),
        max_score=float(np.abs(one.scores - other.scores).max()),
    )
