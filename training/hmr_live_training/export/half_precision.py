"""Make a network compute in float16 where it may.

``python -m hmr_live_training.export.half_precision NETWORK``

TensorRT takes precision from the graph, so it is decided here, by measuring.  Everything from the
first fully connected layer on (heads, regressor) stays in float32: it costs a GPU nothing.  The
backbone is divided into runs of layers; each is rounded to float16 alone, and the worst are kept in
float32 until the joints move less than ``--target`` on training photos.  What the result then
does to development photos is written into its manifest and decides whether it may be used.

The processor cannot compute in float16, so it rounds after every operation (sums in float32).  A
GPU may also add up in float16: ``hmr_live_training.export.compare_precision NETWORK --backend
tensorrt`` measures
there.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import onnx

from hmr_live.backends.precision_variants import LIMITS_MM
from hmr_live.body.model import BodyModel
from hmr_live.core.assets import read_manifest, sha256_of
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export.candidates import Trial
from hmr_live_training.export.manifest import write_manifest
from hmr_live_training.export.precision import Change, subjects_from_lspet
from hmr_live_training.onnx_tools.onnx_files import store_as_float16, write_atomically
from hmr_live_training.onnx_tools.onnx_graph import (
    WEIGHTED_OPS,
    backbone_segments,
    round_outputs,
    to_half,
    unpack_weights,
)


def choose_half(
    model: onnx.ModelProto, runs: Sequence[list[str]], trial: Trial, target: float
) -> list[str]:
    """Names of the nodes that may compute in float16 so that the joints move ``target`` mm at most.

    The runs that do most harm alone are given up first.
    """
    alone = [(trial.change(round_outputs(model, run)).mean, i) for i, run in enumerate(runs)]
    for change, i in alone:
        print(f"{change:6.3f} mm  {runs[i][0]} ... {runs[i][-1]}")
    kept = sorted(alone)
    while kept:
        half = [name for _, i in sorted(kept, key=lambda pair: pair[1]) for name in runs[i]]
        change = trial.change(round_outputs(model, half)).mean
        print(f"{change:6.3f} mm with {len(kept)} of {len(runs)} runs in float16")
        if change <= target:
            return half
        kept.pop()
    return []


def write_half(
    source: Path, out: Path, model: onnx.ModelProto, half: list[str], change: Change
) -> None:
    """Write the network and its manifest; weights that stay float32 are stored as the source's."""
    converted = to_half(model, half)
    stored = {
        tensor.name
        for tensor in onnx.load(source).graph.initializer
        if tensor.data_type == onnx.TensorProto.FLOAT16
    }
    # Only what was float16 in the file may be stored so again: the rest would lose digits.
    exact = [t.name for t in converted.graph.initializer if f"{t.name}.float16" not in stored]
    store_as_float16(converted, exact)
    onnx.checker.check_model(converted)
    write_atomically(out, converted.SerializeToString())
    manifest = read_manifest(source)
    halved = set(half)
    write_manifest(
        out.with_suffix(".json"),
        {
            **manifest,
            "name": f"{manifest.get('name', source.stem)} (fp16)",
            "file": out.name,
            "sha256": sha256_of(out),
            "precision": "fp16",
            "source_sha256": sha256_of(source),
            "float32_layers": [
                node.name
                for node in model.graph.node
                if node.op_type in WEIGHTED_OPS and node.name not in halved
            ],
            "figures": {
                "joint_change_mm": change.as_dict(),
                "measured": "every float16 result rounded, sums in float32, on the processor",
            },
        },
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit code is 1 when the result may not replace the original."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.export.half_precision", description=__doc__
    )
    parser.add_argument("network", type=Path)
    parser.add_argument("--out", type=Path, help="default: <network>_fp16.onnx beside it")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with lspet_224")
    parser.add_argument("--count", type=int, default=100, help="crops to choose with")
    parser.add_argument("--prove", type=int, default=1000, help="crops to prove with")
    parser.add_argument("--runs", type=int, default=24, help="parts of the trunk to try alone")
    parser.add_argument("--target", type=float, default=0.25, help="mm mean while choosing")
    parser.add_argument("--threads", type=int, default=1)
    o = parser.parse_args(arguments)
    network = HmrNetwork(o.network, backend="onnxruntime:fp32", threads=o.threads)
    body = BodyModel.default()
    model = onnx.load(o.network)
    unpack_weights(model)
    trial = Trial(network, subjects_from_lspet(o.data, "train", o.count), body, o.threads)
    half = choose_half(model, backbone_segments(model, o.runs), trial, o.target)
    if not half:
        raise AssetError(f"No part of {o.network.name} bears float16: use it in float32.")
    photos = subjects_from_lspet(o.data, "development", o.prove)
    change = Trial(network, photos, body, o.threads).change(round_outputs(model, half))
    out = o.out or o.network.with_name(f"{o.network.stem}_fp16.onnx")
    write_half(o.network, out, model, half, change)
    limit = LIMITS_MM["fp16"]
    proved = change.mean <= limit
    print(f"wrote {out}: {change.as_text()}")
    print(f"limit {limit} mm mean: {'proved' if proved else 'REFUSED'}")
    return int(not proved)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except HmrLiveError as error:
        raise SystemExit(str(error)) from None
