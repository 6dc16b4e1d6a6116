"""Overhead of the engine around a large network: ``python -m hmr_live_training.benchmarks.resnet``.

HMR on ResNet-50 with random weights (their values cost no time), in INT8 as
:mod:`.quantise` makes it.  On every frame of a clip, the bare network in OpenVINO and the
whole way from the picture to the smoothed body take turns, with equally many threads.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from hmr_live.bench import BenchReport, BenchTarget, PipelineTarget, time_body, time_interleaved
from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import BackendError, HmrLiveError
from hmr_live.core.state import Frame
from hmr_live.core.telemetry import import_without_telemetry
from hmr_live.recovery.network import HmrNetwork
from hmr_live.recovery.pipeline import Pipeline
from hmr_live_training.export.precision import subjects_from_lspet
from hmr_live_training.export.quantise import METHODS, default_method, open_quantiser, write_int8
from hmr_live_training.onnx_tools.onnx_graph import backbone_segments, unpack_weights
from hmr_live_training.paper.export import export_paper
from hmr_live_training.paper.network import fresh_network
from hmr_live_training.recipes.paper_runs import PAPER_RUNS

#: The whole way may take so many times as long as the bare network.
GOAL: Final = 1.1


class BareNetwork:
    """A network in OpenVINO and nothing around it: one input, again and again."""

    def __init__(self, path: Path, threads: int) -> None:
        try:
            openvino = import_without_telemetry("openvino")
        except ImportError as error:
            raise BackendError(
                f"OpenVINO is not installed ({error}): pip install 'hmr-live[openvino]'."
            ) from error
        settings = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "f32",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,
        }
        core = openvino.Core()
        network = core.read_model(str(path))
        shape = [1, *(size.get_length() for size in list(network.input(0).partial_shape)[1:])]
        network.reshape({0: shape})
        self._request: Any = core.compile_model(network, "CPU", settings).create_infer_request()
        self._input = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        self.name = "bare network"
        self.description = f"{path.name}, OpenVINO, threads: {threads}"

    def run(self, frame: Frame) -> dict[str, float]:
        """See :class:`hmr_live.bench.targets.BenchTarget`."""
        start = time.perf_counter()
        self._request.infer({0: self._input}, share_inputs=True)
        return {"network": (time.perf_counter() - start) * 1000}

    def close(self) -> None:
        """See :class:`hmr_live.bench.targets.BenchTarget`."""
        self._request = None


def make_network(folder: Path, data: Path, method: str, crops: int) -> Path:
    """Write the network in float32 and in INT8 into a folder; the path of the latter."""
    source, target = folder / "resnet50.onnx", folder / "resnet50_int8.onnx"
    config = replace(PAPER_RUNS["paper"], name="random weights")
    network = fresh_network(config, data=data, body=asset_path("body", "open_body.npz"))
    export_paper(network, source, config=config, steps=0, data="none", licence="Apache-2.0")
    model = onnx.load(source)
    unpack_weights(model)
    opened = HmrNetwork(source, backend="onnxruntime:fp32")
    quantiser = open_quantiser(method, opened, model, subjects_from_lspet(data, "train", crops))
    backbone = [name for run in backbone_segments(model, 1) for name in run]
    write_int8(quantiser.quantise(backbone), opened, source, target)
    return target


def measure(network: Path, clip: Path, *, frames: int, threads: int) -> BenchReport:
    """Time the whole way and the bare network in turns."""
    source = VideoFile(clip, loop=True)
    pipeline = Pipeline.open(network=network, backend="openvino:fp32", threads=threads)
    targets: list[BenchTarget] = [
        PipelineTarget("whole way", pipeline),
        BareNetwork(network, threads),
    ]
    try:
        return BenchReport.of(
            clip.name,
            targets,
            time_interleaved(source, targets, frames),
            body=time_body(pipeline.body),
            has_baseline=True,
        )
    finally:
        source.close()
        for target in targets:
            target.close()


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit code is 1 when the whole way takes more than the goal."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.benchmarks.resnet", description=__doc__
    )
    parser.add_argument("--clip", type=Path, help="video file (default: the demo clip)")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with lspet_224")
    parser.add_argument("--method", choices=METHODS, default=default_method())
    parser.add_argument("--crops", type=int, default=32, help="crops to calibrate with")
    parser.add_argument("--frames", type=int, default=200, help="frames to time")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--network", type=Path, help="an INT8 .onnx made before, with its manifest")
    o = parser.parse_args(arguments)
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory() as folder:
        network = o.network or make_network(Path(folder), o.data, o.method, o.crops)
        clip = o.clip or asset_path("clips", "balancing.mp4")
        report = measure(network, clip, frames=o.frames, threads=o.threads)
    whole, bare = (run.frame.p50 for run in report.runs)
    good = whole <= GOAL * bare
    print(report.as_text())
    verdict = "met" if good else "MISSED"
    print(f"\nthe whole way takes {whole / bare:.3f} times as long; goal {GOAL}: {verdict}")
    return int(not good)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except HmrLiveError as error:
        raise SystemExit(str(error)) from None
