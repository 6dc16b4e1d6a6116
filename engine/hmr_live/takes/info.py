"""Metadata of a take: source, clock, body, network, smoothing, versions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np

from hmr_live.body.model import BodyModel
from hmr_live.body.skeleton import NUM_BETAS
from hmr_live.core.version import __version__
from hmr_live.recovery.person_shape import SHAPE_DESCRIPTION
from hmr_live.recovery.smoothing import DEPTH_SETTINGS, POSE_SETTINGS, TRANSLATION_SETTINGS


class DescribedBackend(Protocol):
    """What the metadata needs of a back end; see :class:`hmr_live.backends.base.Backend`."""

    def describe(self) -> str:
        """Runtime, device and version."""
        ...


class DescribedNetwork(Protocol):
    """What the metadata needs of a network; see :class:`hmr_live.recovery.network.HmrNetwork`."""

    @property
    def name(self) -> str:
        """Its name."""
        ...

    @property
    def manifest(self) -> Mapping[str, Any]:
        """Its manifest, with the file's SHA-256."""
        ...

    @property
    def backend(self) -> DescribedBackend:
        """What runs it."""
        ...


class RecordedPipeline(Protocol):
    """What the metadata needs of a pipeline; see :class:`hmr_live.recovery.pipeline.Pipeline`."""

    @property
    def body(self) -> BodyModel:
        """The body model."""
        ...

    @property
    def network(self) -> DescribedNetwork:
        """The network."""
        ...

    @property
    def smoothing(self) -> bool:
        """Whether poses are smoothed."""
        ...


def take_info(
    pipeline: RecordedPipeline,
    *,
    source: str,
    frame_size: tuple[int, int],
    live: bool,
    smoothing: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Collect the metadata of a recording that starts now, as JSON values.

    Parameters
    ----------
    pipeline
        The pipeline that recovers the bodies.
    source
        Name of the camera or file.
    frame_size
        (width, height) of its frames in pixels.
    live
        Whether the frames' times are on the monotonic clock; else they are media times.
    smoothing
        The smoothing, if it is not the pipeline's own.

    Returns
    -------
    dict
        ``started_unix``, ``started_monotonic`` (both clocks at this moment, seconds), ``clock``
        (``"monotonic"`` or ``"media"``), ``source``, ``frame_size``, ``body`` (``name``,
        ``sha256``, ``rest_pelvis`` for zero betas in metres), ``network`` (``name``, ``sha256``),
        ``smoothing`` (``on``, ``filter`` and its parameters), ``versions``.
    """
    body, network = pipeline.body, pipeline.network
    pelvis = body.rest_joints(np.zeros(NUM_BETAS, np.float32))[0]
    return {
        "started_unix": time.time(),
        "started_monotonic": time.monotonic(),
        "clock": "monotonic" if live else "media",
        "source": source,
        "frame_size": list(frame_size),
        "body": {"name": body.name, "sha256": body.sha256, "rest_pelvis": pelvis.tolist()},
        "network": {"name": network.name, "sha256": str(network.manifest.get("sha256", ""))},
        "smoothing": dict(smoothing) if smoothing else _live_filters(pipeline.smoothing),
        "versions": {
            "hmr-live": __version__,
            "numpy": np.__version__,
            "backend": network.backend.describe(),
        },
    }


def _live_filters(on: bool) -> dict[str, Any]:
    return {
        "on": on,
        "filter": "One Euro",
        "pose": asdict(POSE_SETTINGS),
        "place": asdict(TRANSLATION_SETTINGS),
        "depth": asdict(DEPTH_SETTINGS),
        "shape": SHAPE_DESCRIPTION,
    }
