"""Precision variants of a network: which precision a file has, and which variant may replace it.

A variant lies beside the original as ``<name>_fp16.onnx`` or ``<name>_int8.onnx``.  Its manifest
names the original's SHA-256 and says in ``figures`` how far it moves the joints.  INT8 depends on
who computes it, so there every back end has figures of its own, with the time that it saves::

    "figures": {"backends": {"openvino": {
        "joint_change_mm": {"mean": 2.9}, "milliseconds": {"fp32": 54.0, "int8": 13.0}}}}
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from hmr_live.core.assets import read_manifest, sha256_of
from hmr_live.core.errors import AssetError

logger = logging.getLogger(__name__)

#: Largest mean change of the joints, mm, at which a network in this precision may be used instead.
LIMITS_MM: Final = {"fp16": 1.0, "int8": 5.0}
#: An INT8 network must take less than this share of the original's time.
MAX_TIME_RATIO: Final = 0.9
#: What makes each of them.
MAKERS: Final = {
    "fp16": "python -m hmr_live_training.export.half_precision",
    "int8": "python -m hmr_live_training.export.quantise",
}
_NAMES: Final = {
    "fp32": "float32",
    "fp16": "float16 where it is safe",
    "int8": "INT8 where it is safe",
}


def precision_of(model: Path) -> str:
    """``"fp32"``, ``"fp16"`` or ``"int8"``, as the manifest beside the network says."""
    try:
        return str(read_manifest(model).get("precision", "fp32"))
    except AssetError:
        return "fp32"  # a bare file, without a manifest


def precision_label(model: Path) -> str:
    """The precision for display; layers that need it are in float32 in every network."""
    precision = precision_of(model)
    return _NAMES.get(precision, precision)


def variant_path(model: Path, precision: str) -> Path:
    """Path of the network in that precision, if there is one."""
    return model.with_name(f"{model.stem}_{precision}.onnx")


def half_precision_of(model: Path) -> Path | None:
    """The network in half precision that may replace ``model`` on a GPU, or None."""
    return validated_variant(model, "fp16")


def validated_variant(model: Path, precision: str, backend: str = "") -> Path | None:
    """The validated variant of ``model`` in a precision, or None.

    Parameters
    ----------
    model
        The original.
    precision
        Key of :data:`LIMITS_MM`.
    backend
        The back end that runs it; matters for INT8 only.
    """
    candidate = variant_path(model, precision)
    if not candidate.is_file():
        return None
    try:
        manifest = read_manifest(candidate)
        source = manifest["source_sha256"]
        figures = manifest["figures"]
        if precision == "int8":
            figures = figures["backends"].get(backend)
            if figures is None:
                logger.info("%s has not been validated for %s.", candidate.name, backend)
                return None
        objection = _rejection_reason(figures, precision)
    except (AssetError, AttributeError, KeyError, TypeError, ValueError) as error:
        logger.warning(
            "%s is not used: its manifest holds no valid figures (%s).", candidate, error
        )
        return None
    if source != sha256_of(model):
        logger.warning("%s was made from a different %s: make it again.", candidate, model.name)
        return None
    if objection:
        logger.warning("%s %s: float32 is used.", candidate, objection)
        return None
    return candidate


def _rejection_reason(figures: Mapping[str, Any], precision: str) -> str:
    """Why the figures rule a variant out; empty when they do not."""
    change = float(figures["joint_change_mm"]["mean"])
    # "not <=" and "not <" also refuse NaN.
    if not change <= LIMITS_MM[precision]:
        return f"moves the joints by {change:.1f} mm"
    if precision == "int8":
        original, variant = (float(figures["milliseconds"][key]) for key in ("fp32", "int8"))
        if not variant < MAX_TIME_RATIO * original:
            return f"saves too little time ({variant:.1f} ms instead of {original:.1f} ms)"
    return ""
