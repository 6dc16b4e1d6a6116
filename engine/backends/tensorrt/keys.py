"""What a compiled engine depends on: any difference means building again."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from engine.assets import sha256_of
from engine.backends.tensorrt.builder import MAX_BATCH
from engine.backends.tensorrt.cache import CacheKey
from engine.backends.tensorrt.device import GpuIdentity
from engine.backends.tensorrt.flavour import Flavour
from engine.backends.variants import precision_of

#: Raise it when the builder's settings change.
_RECIPE: Final = "1"


def engine_key(model: Path, flavour: Flavour, gpu: GpuIdentity) -> CacheKey:
    """Key of the engine of a network for a GPU."""
    return CacheKey(
        slot={
            "kind": "engine",
            "onnx_sha256": sha256_of(model),
            "flavour": flavour.name,
            "gpu": gpu.name,
            "compute_capability": gpu.compute_capability,
            "precision": precision_of(model),
        },
        stamp={
            "tensorrt": flavour.version,
            "driver": gpu.driver,
            "max_batch": str(MAX_BATCH),
            "recipe": _RECIPE,
        },
    )


def timing_key(flavour: Flavour, gpu: GpuIdentity) -> CacheKey:
    """Key of the measurements that TensorRT reuses when it builds another network."""
    return CacheKey(
        slot={
            "kind": "timings",
            "flavour": flavour.name,
            "gpu": gpu.name,
            "compute_capability": gpu.compute_capability,
        },
        stamp={"tensorrt": flavour.version, "driver": gpu.driver},
    )
