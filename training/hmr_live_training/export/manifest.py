"""The manifest beside an exported network: what it takes, what it gives, where it comes from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hmr_live.core.assets import sha256_of
from hmr_live.recovery.network import PERSPECTIVE
from hmr_live_training.data.crops import BODY_BEYOND_JOINTS, CROP_BOX_SCALE, CROP_SIZE
from hmr_live_training.models.backbones.blazepose import NUM_LANDMARKS
from hmr_live_training.models.losses import NEAR
from hmr_live_training.models.network import CONFIDENCE_POINTS
from hmr_live_training.onnx_tools.onnx_files import OPSET, write_atomically

LICENCE = "Apache-2.0 (trunk: BlazePose, Google; regressor: hmr-live)"

_PROJECTIONS = {
    False: "weak perspective, x = s (X_xy + t)",
    True: "x = s (X_xy + t) / (1 + s X_z / F) with the crop's focal length F in its halves",
}


def network_manifest(
    file: Path,
    *,
    encoder: str,
    iterations: int,
    perspective: bool,
    training: dict[str, Any],
    figures: dict[str, Any],
) -> dict[str, Any]:
    """Describe a body network.

    Parameters
    ----------
    file
        The exported ``.onnx``.
    encoder
        ``lite``, ``full`` or ``heavy``.
    iterations
        T of the regressor.
    perspective
        Whether it reads the focal lengths of its crops.
    training
        Data, hours and method, in words.
    figures
        Measured on the development test set, with its size.
    """
    return {
        "name": f"hmr-live {encoder}",
        "file": file.name,
        "sha256": sha256_of(file),
        "licence": LICENCE,
        "opset": OPSET,
        "input": {
            "name": "image",
            "size": [CROP_SIZE, CROP_SIZE],
            "layout": "(n, 3, height, width)",
            "color": "RGB",
            "range": [0.0, 1.0],
            "mean": [0.0, 0.0, 0.0],
            "std": [1.0, 1.0, 1.0],
        },
        "camera": PERSPECTIVE if perspective else "weak_perspective",
        "region": {
            "rule": (
                "square around the middle of the hips; side = 2 * scale * distance to the "
                "farthest visible body point; turned so that hips to shoulders points up; "
                "p = size / 2 + size / side * Rot(-angle) (x - centre); edges repeated"
            ),
            "scale": CROP_BOX_SCALE,
            "scale_on_joints": CROP_BOX_SCALE * BODY_BEYOND_JOINTS,
            "border": "replicate",
        },
        "outputs": _network_outputs(perspective),
        "rotation": "6d",
        "encoder": f"blazepose-{encoder}",
        "iterations": iterations,
        "body": "open_body",
        "training": training,
        "figures": figures,
    }


def _network_outputs(perspective: bool) -> dict[str, Any]:
    return {
        "pose_6d": {
            "shape": ["n", 24, 6],
            "meaning": (
                "rotation of each SMPL joint relative to its parent as the first two columns of "
                "its matrix, 3 x 2 row-major; joint 0 turns the body into the crop's camera "
                "frame (x right, y down, z forward)"
            ),
        },
        "betas": {"shape": ["n", 10], "meaning": "shape coefficients of the body"},
        "camera": {
            "shape": ["n", 3],
            "meaning": (
                f"(s, tx, ty): {_PROJECTIONS[perspective]}, x in [-1, 1] across the crop, "
                "X in metres as the body model gives it (pelvis not moved to the origin)"
            ),
        },
        "score": {
            "shape": ["n", 1],
            "meaning": "probability that the crop holds a person",
        },
        "confidence": {
            "shape": ["n", 24],
            "meaning": (
                f"probability that the joint lies within {NEAR} torso lengths of its true place in "
                "the picture: mean over the given ones of BlazePose's "
                f"{NUM_LANDMARKS} points"
            ),
            "points": {name: list(points) for name, points in CONFIDENCE_POINTS.items()},
        },
    }


def detector_manifest(file: Path) -> dict[str, Any]:
    """Describe the person detector."""
    return {
        "name": "BlazePose person detector",
        "file": file.name,
        "sha256": sha256_of(file),
        "licence": "Apache-2.0 (Google, MediaPipe pose_detection)",
        "opset": OPSET,
        "input": {
            "name": "image",
            "size": [224, 224],
            "layout": "(n, 3, height, width)",
            "color": "RGB",
            "range": [-1.0, 1.0],
            "mean": [0.5, 0.5, 0.5],
            "std": [0.5, 0.5, 0.5],
            "letterbox": "black (-1 after scaling)",
        },
        "outputs": {
            "boxes": {
                "shape": ["n", 2254, 12],
                "meaning": (
                    "in input pixels relative to the anchor: box centre x, y, width, height, then "
                    "four points x, y: middle of the hips, a point on the circle around the whole "
                    "body, middle of the shoulders, a point on the circle around the upper body"
                ),
            },
            "scores": {"shape": ["n", 2254, 1], "meaning": "logits"},
        },
        "anchors": {
            "strides": [8, 16, 32],
            "per_cell": [2, 2, 6],
            "centre": "(cell + 0.5) / cells, no size of their own",
        },
        "training": {"data": "as published; not trained here"},
        "figures": {},
    }


def write_manifest(path: Path, manifest: dict[str, Any]) -> None:
    """Write JSON, replacing the file at once."""
    write_atomically(path, (json.dumps(manifest, indent=2) + "\n").encode())
