"""Networks in another precision: which one a file holds, and which one may stand in for it."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import Final

from engine.assets import read_manifest
from engine.errors import AssetError

logger = logging.getLogger(__name__)

#: A network in half precision may replace the original up to this mean error of its joints.
MAX_MEAN_JOINT_CHANGE_MM: Final = 1.0


def precision_of(model: Path) -> str:
    """``"fp32"``, ``"fp16"`` or ``"int8"``, as the manifest beside the network says."""
    try:
        return str(read_manifest(model).get("precision", "fp32"))
    except AssetError:
        return "fp32"  # a bare file, without a manifest


def precision_label(model: Path) -> str:
    """The same for people; the layers that need it are in float32 in every network."""
    names = {"fp32": "float32", "fp16": "float16 where it is safe", "int8": "INT8 where it is safe"}
    precision = precision_of(model)
    return names.get(precision, precision)


def sha256_of(model: Path) -> str:
    """Hex digest of a network file."""
    return hashlib.sha256(model.read_bytes()).hexdigest()


def half_precision_of(model: Path) -> Path | None:
    """The network in half precision that may replace ``model`` on a GPU, or None.

    It lies beside the original as ``<name>_fp16.onnx``, its manifest names the original's
    SHA-256, and the measured mean change of the joints is at most
    :data:`MAX_MEAN_JOINT_CHANGE_MM`.
    """
    candidate = model.with_name(f"{model.stem}_fp16.onnx")
    if not candidate.is_file():
        return None
    try:
        manifest = read_manifest(candidate)
        source = manifest["source_sha256"]
        change = float(manifest["figures"]["joint_change_mm"]["mean"])
    except (AssetError, KeyError, TypeError, ValueError) as error:
        logger.warning("%s is left alone: its manifest proves nothing (%s).", candidate, error)
        return None
    if source != sha256_of(model):
        logger.warning("%s was made from another %s: make it again.", candidate, model.name)
        return None
    # "not <=" also refuses NaN.
    if not change <= MAX_MEAN_JOINT_CHANGE_MM:
        logger.warning("%s moves the joints by %.1f mm: float32 is used.", candidate, change)
        return None
    return candidate
