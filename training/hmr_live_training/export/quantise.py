"""Quantise a network to INT8 with real crops.

``python -m hmr_live_training.export.quantise NETWORK``

Static quantisation for ONNX Runtime and OpenVINO: QuantizeLinear and DequantizeLinear around the
convolutions, weights per channel, ranges from training photos; NNCF (the extra ``quantisation``)
also corrects biases and quantises the sums between convolutions.  Heads and regressor stay in
float32.  Runs of layers are quantised alone first; then, the least harmful first, as many
together as keep the joints within ``--target``.  The result is proved on development photos, on
every back end that runs it, and refused above 5 mm mean.  Where it is proved and saves time, the
back end uses it whenever it lies beside the original (:mod:`hmr_live.backends.precision_variants`).

The BlazePose backbone does not bear it.  All of it moves the joints of ``full.onnx`` by 106 mm
with ONNX Runtime's tools and by 43 mm (OpenVINO) or 53 mm (ONNX Runtime) with NNCF, the mildest
eighth alone by 6 mm, and its narrow convolutions gain nothing: 8.9 ms in float32, 8.7 ms in INT8,
OpenVINO on one thread.  Networks with wide layers, such as ResNet-50, are what this is for: 64 ms
of processor time become 11 ms with NNCF, 13 ms with ONNX Runtime's tools.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx

from hmr_live.backends.precision_variants import LIMITS_MM, MAX_TIME_RATIO, variant_path
from hmr_live.body.model import BodyModel
from hmr_live.core.assets import read_manifest, sha256_of
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export.candidates import Trial
from hmr_live_training.export.compare_precision import time_networks
from hmr_live_training.export.manifest import write_manifest
from hmr_live_training.export.precision import Change, Subject, network_inputs, subjects_from_lspet
from hmr_live_training.export.quantisers import (
    CALIBRATION,
    NncfQuantiser,
    OnnxRuntimeQuantiser,
    Quantiser,
)
from hmr_live_training.onnx_tools.onnx_files import write_atomically
from hmr_live_training.onnx_tools.onnx_graph import backbone_segments, unpack_weights

#: NNCF, or how ONNX Runtime finds the ranges.
METHODS = ("nncf", *CALIBRATION)


@dataclass(frozen=True)
class Proof:
    """What INT8 does on one back end.

    Attributes
    ----------
    change
        Of the joints, against float32 on the same back end.
    before, after
        Milliseconds of a crop in float32 and in INT8, medians of runs that take turns.
    """

    change: Change
    before: float
    after: float

    @property
    def accurate(self) -> bool:
        """Whether INT8 may be offered there; NaN may not."""
        return self.change.mean <= LIMITS_MM["int8"]

    def as_text(self) -> str:
        """One line for people."""
        verdict = "proved" if self.accurate else "REFUSED"
        if self.accurate and not self.after < MAX_TIME_RATIO * self.before:
            verdict = "proved, but it saves too little time to be used"
        return f"{self.change.as_text()}; {self.before:.1f} -> {self.after:.1f} ms: {verdict}"

    def as_dict(self) -> dict[str, Any]:
        """For a manifest, see :mod:`hmr_live.backends.precision_variants`."""
        times = {"fp32": round(self.before, 3), "int8": round(self.after, 3)}
        return {"joint_change_mm": self.change.as_dict(), "milliseconds": times}


def default_method() -> str:
    """NNCF where it is installed."""
    return "nncf" if importlib.util.find_spec("nncf") else "minmax"


def backends_to_prove() -> list[str]:
    """Back ends that run INT8 on the processor and are installed."""
    return ["onnxruntime", *(["openvino"] if importlib.util.find_spec("openvino") else [])]


def prove(
    source: Path,
    int8: Path,
    backend: str,
    people: Sequence[Subject],
    *,
    threads: int = 1,
    rounds: int = 100,
) -> Proof:
    """Compare an INT8 network with the one that it was made from, on one back end."""
    # "fp32" names the very file, whatever lies beside it.
    before, after = (
        HmrNetwork(path, backend=f"{backend}:fp32", threads=threads) for path in (source, int8)
    )
    change = Trial(before, people, BodyModel.default(), threads).change_of(after)
    (slow, _), (fast, _) = time_networks([before, after], people[0], rounds)
    return Proof(change, slow, fast)


def open_quantiser(
    method: str, network: HmrNetwork, model: onnx.ModelProto, photos: Sequence[Subject]
) -> Quantiser:
    """Quantiser that takes its ranges from the photos.

    Parameters
    ----------
    method
        One of :data:`METHODS`.
    network
        Cuts the crops.
    model
        Its graph with the weights unpacked.
    photos
        Training photos.
    """
    crops = network_inputs(network, photos)
    if method == "nncf":
        return NncfQuantiser(model, crops)
    return OnnxRuntimeQuantiser(model, crops, method)


def write_int8(model: onnx.ModelProto, network: HmrNetwork, source: Path, out: Path) -> None:
    """Write an INT8 network and a manifest that proves nothing yet."""
    write_atomically(out, model.SerializeToString())
    described = {
        **network.manifest,
        "name": f"{network.name} (int8)",
        "file": out.name,
        "sha256": sha256_of(out),
        "precision": "int8",
        "source_sha256": sha256_of(source),
        "figures": {},
    }
    write_manifest(out.with_suffix(".json"), described)


def write_proofs(out: Path, proofs: dict[str, Proof]) -> None:
    """Put the figures of every back end, and the worst of them, into the manifest."""
    worst = max((proof.change for proof in proofs.values()), key=lambda change: change.mean)
    figures = {
        "joint_change_mm": worst.as_dict(),
        "backends": {name: proof.as_dict() for name, proof in proofs.items()},
    }
    manifest = read_manifest(out)
    write_manifest(out.with_suffix(".json"), {**manifest, "figures": figures})


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
    parser = argparse.ArgumentParser(prog="hmr_live_training.export.quantise", description=__doc__)
    parser.add_argument("network", type=Path)
    parser.add_argument("--out", type=Path, help="default: <network>_int8.onnx beside it")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with lspet_224")
    parser.add_argument(
        "--method",
        choices=METHODS,
        default=default_method(),
        help="NNCF, or how ONNX Runtime finds the ranges (default: nncf where it is installed)",
    )
    parser.add_argument("--crops", type=int, default=64, help="crops to calibrate with")
    parser.add_argument("--count", type=int, default=40, help="crops to choose with")
    parser.add_argument("--prove", type=int, default=1000, help="crops to prove with")
    parser.add_argument("--runs", type=int, default=8, help="parts of the trunk to try alone")
    parser.add_argument("--target", type=float, default=4.0, help="mm mean while choosing")
    parser.add_argument("--all", action="store_true", help="quantise the whole trunk regardless")
    parser.add_argument("--rounds", type=int, default=100, help="timed runs of each network")
    parser.add_argument("--threads", type=int, default=1)
    o = parser.parse_args(arguments)
    # The runtime advises, at every call, the preparation that unpack_weights has done already.
    logging.getLogger().setLevel(logging.ERROR)
    network = HmrNetwork(o.network, backend="onnxruntime:fp32", threads=o.threads)
    model = onnx.load(o.network)
    unpack_weights(model)
    photos = subjects_from_lspet(o.data, "train", o.crops + o.count)
    quantiser = open_quantiser(o.method, network, model, photos[: o.crops])
    runs = backbone_segments(model, o.runs)
    if o.all:
        chosen = [name for run in runs for name in run]
    else:
        trial = Trial(network, photos[o.crops :], BodyModel.default(), o.threads)
        chosen = choose_int8(quantiser, runs, trial, o.target)
    if not chosen:
        raise AssetError(f"No part of {o.network.name} bears INT8: use it in float32.")
    out = o.out or variant_path(o.network, "int8")
    write_int8(quantiser.quantise(chosen), network, o.network, out)
    people = subjects_from_lspet(o.data, "development", o.prove)
    proofs = {
        backend: prove(o.network, out, backend, people, threads=o.threads, rounds=o.rounds)
        for backend in backends_to_prove()
    }
    write_proofs(out, proofs)
    print(f"wrote {out}; at most {LIMITS_MM['int8']} mm mean are allowed:")
    for backend, proof in proofs.items():
        print(f"{backend}: {proof.as_text()}")
    return int(not all(proof.accurate for proof in proofs.values()))


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except HmrLiveError as error:
        raise SystemExit(str(error)) from None
