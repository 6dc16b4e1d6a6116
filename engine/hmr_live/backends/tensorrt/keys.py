"""Cache keys of compiled engines: everything that an engine depends on."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from hmr_live.backends.precision_variants import precision_of
from hmr_live.backends.tensorrt.builder import MAX_BATCH
from hmr_live.backends.tensorrt.cache import CacheKey
from hmr_live.backends.tensorrt.device import GpuIdentity
from hmr_live.backends.tensorrt.distribution import TensorRtDistribution
from hmr_live.core.assets import sha256_of

#: Increase when the builder's settings change.
_BUILD_VERSION: Final = "1"


def engine_key(model: Path, distribution: TensorRtDistribution, gpu: GpuIdentity) -> CacheKey:
    """Key of the engine of a network for a GPU."""
    return CacheKey(
        slot={
            "kind": "engine",
            "onnx_sha256": sha256_of(model),
            "flavour": distribution.name,
            "gpu": gpu.name,
            "compute_capability": gpu.compute_capability,
            "precision": precision_of(model),
        },
        stamp={
            "tensorrt": distribution.version,
            "driver": gpu.driver,
            "max_batch": str(MAX_BATCH),
            "recipe": _BUILD_VERSION,
        },
    )


def timing_key(distribution: TensorRtDistribution, gpu: GpuIdentity) -> CacheKey:
    """Key of the timing cache that TensorRT reuses when it builds another network."""
    return CacheKey(
        slot={
            "kind": "timings",
            "flavour": distribution.name,
            "gpu": gpu.name,
            "compute_capability": gpu.compute_capability,
        },
        stamp={"tensorrt": distribution.version, "driver": gpu.driver},
    )
