"""Compare a back end or a precision with a reference.

``python -m hmr_live_training.export.compare_precision NETWORK --backend openvino``

Runs two back ends, or two files, over the development photos and prints how far the joints move.
A half-precision network may be a default up to 1 mm mean, an INT8 one up to 5 mm.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np

from hmr_live.backends import split_choice
from hmr_live.backends.precision_variants import LIMITS_MM as VARIANT_LIMITS_MM
from hmr_live.backends.precision_variants import precision_of
from hmr_live.body.model import BodyModel
from hmr_live.core.errors import HmrLiveError
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export.precision import (
    Subject,
    change_between,
    predict,
    subjects_from_folder,
    subjects_from_lspet,
)

#: Largest mean change in mm with which a precision may be a default.
LIMITS_MM = {"fp32": 0.1, **VARIANT_LIMITS_MM}


def open_exactly(network: Path, backend: str, threads: int) -> HmrNetwork:
    """Open this very file; a precision variant beside it only where its precision is named."""
    name, precision = split_choice(backend)
    return HmrNetwork(network, backend=f"{name}:{precision or 'fp32'}", threads=threads)


#: In halves of the crop; the time does not depend on it.
_USUAL_FOCAL = 4.0


def limit_of(network: Path, backend: str) -> float:
    """Largest mean change in mm that is allowed for what :func:`open_exactly` opens."""
    precision = split_choice(backend)[1]
    return LIMITS_MM[precision if precision in VARIANT_LIMITS_MM else precision_of(network)]


def time_networks(
    networks: list[HmrNetwork], subject: Subject, rounds: int
) -> list[tuple[float, float]]:
    """Milliseconds of a single crop, median and p95, the networks taking turns."""
    crops = [network.crop(subject.image, [subject.crop_box]) for network in networks]
    usual = np.full((1, 1), _USUAL_FOCAL, np.float32)
    focal = [usual if network.perspective else None for network in networks]
    spent: list[list[float]] = [[] for _ in networks]
    for turn in range(rounds + 3):
        for network, crop, length, times in zip(networks, crops, focal, spent, strict=True):
            start = time.perf_counter()
            network.backend.run(crop, length)
            if turn >= 3:  # the first ones fill caches
                times.append(1000 * (time.perf_counter() - start))
    return [(float(np.median(t)), float(np.percentile(t, 95))) for t in spent]


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit code is 1 when the change is above the limit of the precision."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.export.compare_precision", description=__doc__
    )
    parser.add_argument("network", type=Path, help="an .onnx with its manifest")
    parser.add_argument("--backend", default="onnxruntime")
    parser.add_argument("--reference", type=Path, help="another .onnx (default: the same file)")
    parser.add_argument("--against", default="onnxruntime", help="back end of the reference")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with lspet_224")
    parser.add_argument("--pictures", type=Path, help="a folder of pictures in place of LSPET")
    parser.add_argument("--count", type=int, default=1000, help="crops at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=100, help="timed runs of each (0: none)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    o = parser.parse_args(arguments)
    if o.pictures:
        subjects = subjects_from_folder(o.pictures, o.count)
    else:
        subjects = subjects_from_lspet(o.data, "development", o.count)
    body = BodyModel.default()
    tested = open_exactly(o.network, o.backend, o.threads)
    reference = open_exactly(o.reference or o.network, o.against, o.threads)
    change = change_between(predict(tested, subjects, body), predict(reference, subjects, body))
    limit = limit_of(o.network, o.backend)
    # "not <=" also refuses NaN.
    refused = not change.mean <= limit
    times = time_networks([tested, reference], subjects[0], o.rounds) if o.rounds else []
    names = [n.backend.describe() for n in (tested, reference)]
    if o.json:
        report = {"change_mm": change.as_dict(), "limit_mm": limit, "validated": not refused}
        rows = [{"backend": n, "ms": t} for n, t in zip(names, times, strict=False)]
        print(json.dumps({**report, "networks": names, "times": rows}, indent=2))
    else:
        print(f"{o.network.name} on {names[0]}\nagainst {names[1]}\n{change.as_text()}")
        print(f"limit {limit} mm mean: {'REFUSED' if refused else 'validated'}")
        for name, (median, p95) in zip(names, times, strict=False):
            print(f"{median:6.1f} ms median {p95:6.1f} ms p95  {name}")
    return int(refused)


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except HmrLiveError as error:
        raise SystemExit(str(error)) from None
