"""Quantise a network to INT8 with real crops: ``python -m training.quantise NETWORK``.

Static quantisation for ONNX Runtime and OpenVINO: QuantizeLinear and DequantizeLinear around the
convolutions, weights per channel, ranges from training photos.  Heads and regressor stay in
float32.  Runs of layers are quantised alone first; then, the least harmful first, as many
together as keep the joints within ``--target``.  The result is proved on development photos and
refused above 5 mm mean.

The BlazePose trunk does not bear it: the whole of it moves the joints of ``full.onnx`` by 106 mm,
the mildest eighth alone by 9 mm, and 71 convolutions of which most are narrow gain little speed
(13.3 against 15.3 ms in ONNX Runtime, 9.3 against 12.4 ms in OpenVINO).  Networks with wide
layers, such as ResNet-50, are what this is for.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from engine.body import BodyModel
from engine.errors import AssetError, HmrLiveError
from engine.network import HmrNetwork
from training.compare_precision import LIMITS_MM, time_networks
from training.drafts import Trial
from training.manifest import write_manifest
from training.onnx_files import sha256_of, write_atomically
from training.onnx_graph import trunk_segments, unpack_weights
from training.precision import Array, network_inputs, subjects_from_lspet

CALIBRATION: Final = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}


class _Crops(CalibrationDataReader):  # type: ignore[misc]  # a package without types
    """Hands the calibration one crop after the other."""

    def __init__(self, name: str, crops: Array) -> None:
        self._crops = iter([{name: crop[None]} for crop in crops])

    def get_next(self) -> dict[str, Array] | None:
        """Next input, None at the end."""
        return next(self._crops, None)


class Quantiser:
    """Quantises chosen convolutions of one float32 network.

    Parameters
    ----------
    model
        With its weights unpacked.
    crops
        ``(N, 3, size, size)`` real inputs, from which the ranges come.
    calibration
        Key of :data:`CALIBRATION`.
    """

    def __init__(self, model: onnx.ModelProto, crops: Array, calibration: str) -> None:
        self._model = onnx.shape_inference.infer_shapes(model)
        self._crops = crops
        self._method = CALIBRATION[calibration]
        self._convolutions = [n.name for n in model.graph.node if n.op_type == "Conv"]

    def quantise(self, names: Sequence[str]) -> onnx.ModelProto:
        """The network with those of the named nodes in INT8 that are convolutions."""
        chosen = set(names)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
            onnx.save(self._model, source)
            quantize_static(
                str(source),
                str(target),
                _Crops(self._model.graph.input[0].name, self._crops),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=self._method,
                nodes_to_quantize=[n for n in self._convolutions if n in chosen],
                op_types_to_quantize=["Conv"],
            )
            return onnx.load(target)


def choose_int8(
    quantiser: Quantiser, runs: Sequence[list[str]], trial: Trial, target: float
) -> list[str]:
    """Names of the nodes that may compute in INT8 so that the joints move ``target`` mm at most."""
    alone = sorted((trial.change(quantiser.quantise(run)).mean, i) for i, run in enumerate(runs))
    for change, i in alone:
        print(f"{change:7.2f} mm  {runs[i][0]} ... {runs[i][-1]}")
    chosen: list[str] = []
    for _, i in alone:
        more = chosen + runs[i]
        change = trial.change(quantiser.quantise(more)).mean
        print(f"{change:7.2f} mm with {len(more)} nodes in INT8")
        if not change <= target:
            break
        chosen = more
    return chosen


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit code is 1 when INT8 may not be offered for this network."""
    parser = argparse.ArgumentParser(prog="training.quantise", description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--out", type=Path, help="default: <network>_int8.onnx beside it")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with lspet_224")
    parser.add_argument("--calibration", choices=CALIBRATION, default="minmax")
    parser.add_argument("--crops", type=int, default=64, help="crops to calibrate with")
    parser.add_argument("--count", type=int, default=40, help="crops to choose with")
    parser.add_argument("--prove", type=int, default=1000, help="crops to prove with")
    parser.add_argument("--runs", type=int, default=8, help="parts of the trunk to try alone")
    parser.add_argument("--target", type=float, default=4.0, help="mm mean while choosing")
    parser.add_argument("--all", action="store_true", help="quantise the whole trunk regardless")
    parser.add_argument("--threads", type=int, default=1)
    o = parser.parse_args(arguments)
    # The runtime advises, at every call, the preparation that unpack_weights has done already.
    logging.getLogger().setLevel(logging.ERROR)
    network = HmrNetwork(o.network, backend="onnxruntime", threads=o.threads)
    body = BodyModel.default()
    model = onnx.load(o.network)
    unpack_weights(model)
    photos = subjects_from_lspet(o.data, "train", o.crops + o.count)
    quantiser = Quantiser(model, network_inputs(network, photos[: o.crops]), o.calibration)
    runs = trunk_segments(model, o.runs)
    if o.all:
        chosen = [name for run in runs for name in run]
    else:
        trial = Trial(network, photos[o.crops :], body, o.threads)
        chosen = choose_int8(quantiser, runs, trial, o.target)
    if not chosen:
        raise AssetError(f"No part of {o.network.name} bears INT8: use it in float32.")
    out = o.out or o.network.with_name(f"{o.network.stem}_int8.onnx")
    write_atomically(out, quantiser.quantise(chosen).SerializeToString())
    manifest = {
        **network.manifest,
        "name": f"{network.name} (int8)",
        "file": out.name,
        "sha256": sha256_of(out),
        "precision": "int8",
        "source_sha256": sha256_of(o.network),
        "figures": {},
    }
    write_manifest(out.with_suffix(".json"), manifest)
    people = subjects_from_lspet(o.data, "development", o.prove)
    quantised = HmrNetwork(out, backend="onnxruntime", threads=o.threads)
    change = Trial(network, people, body, o.threads).change_of(quantised)
    write_manifest(
        out.with_suffix(".json"), {**manifest, "figures": {"joint_change_mm": change.as_dict()}}
    )
    (before, _), (after, _) = time_networks([network, quantised], people[0], 100)
    proved = change.mean <= LIMITS_MM["int8"]
    print(f"wrote {out}: {change.as_text()}")
    print(f"{before:.1f} ms in float32, {after:.1f} ms in INT8 (medians of 100, taking turns)")
    print(f"limit {LIMITS_MM['int8']} mm mean: {'proved' if proved else 'REFUSED'}")
    return int(not proved)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except HmrLiveError as error:
        raise SystemExit(str(error)) from None
