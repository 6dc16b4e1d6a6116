"""Time the numpy body alone: the whole mesh, and the joints only."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS
from hmr_live.core.timing import StageSummary, summarise

_WARM_UP: Final = 10
_CALLS: Final = 200


@dataclass(frozen=True)
class BodyTimings:
    """Milliseconds of one forward pass on one thread.

    Attributes
    ----------
    vertices
        Number of vertices of the body.
    mesh
        Pose, shape and correctives to all vertices.
    joints
        Pose and shape to the 24 joints.
    """

    vertices: int
    mesh: StageSummary
    joints: StageSummary

    def as_text(self) -> str:
        """The timings as one line."""
        return (
            f"body alone: {self.mesh.p50:.2f} ms p50, {self.mesh.p95:.2f} ms p95 for "
            f"{self.vertices:,} vertices; {self.joints.p50:.3f} ms p50, {self.joints.p95:.3f} ms "
            "p95 for the joints"
        )


def time_body(body: BodyModel) -> BodyTimings:
    """Time both in turn, over poses of a fixed seed."""
    random = np.random.default_rng(0)
    mesh: list[float] = []
    joints: list[float] = []
    for call in range(_WARM_UP + _CALLS):
        axes = random.normal(0, 0.4, (NUM_JOINTS, 3)).astype(np.float32)
        rotmats = matrix_from_axis_angle(axes)
        betas = random.normal(size=NUM_BETAS).astype(np.float32)
        start = time.perf_counter()
        body.forward(rotmats, betas)
        between = time.perf_counter()
        body.joints(rotmats, betas)
        end = time.perf_counter()
        if call >= _WARM_UP:
            mesh.append((between - start) * 1000)
            joints.append((end - between) * 1000)
    return BodyTimings(body.num_vertices, summarise(mesh), summarise(joints))
