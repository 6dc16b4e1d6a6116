"""Speed and accuracy of every back end and precision of a network.

``python -m hmr_live_training.export.precision_table NETWORK`` compares everything that runs on
this machine with
ONNX Runtime in float32 over the development photos, and times it in turns.
:mod:`.half_precision` and :mod:`.quantise` make the networks in lower precision;
variants that lie beside the named one and are validated take part.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from hmr_live.backends import choices
from hmr_live.body.model import BodyModel
from hmr_live.core.errors import BackendError, HmrLiveError
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export.compare_precision import limit_of, open_exactly, time_networks
from hmr_live_training.export.precision import (
    JointChange,
    Subject,
    change_between,
    predict,
    subjects_from_lspet,
)

#: What all are compared with.
REFERENCE: Final = "onnxruntime:fp32"


@dataclass(frozen=True)
class PrecisionRow:
    """One back end in one precision.

    Attributes
    ----------
    choice
        As ``--backend`` takes it.
    description
        What ran.
    change
        Of the joints, against :data:`REFERENCE`.
    limit_mm
        Largest mean change that is allowed.
    p50, p95
        Milliseconds of a single crop; NaN when nothing was timed.
    """

    choice: str
    description: str
    change: JointChange
    limit_mm: float
    p50: float
    p95: float

    @property
    def validated(self) -> bool:
        """Whether the joints stay where they are; NaN does not."""
        return self.change.mean <= self.limit_mm

    def as_text(self) -> str:
        """One line of the table."""
        c = self.change
        return (
            f"{self.choice:<22}{c.mean:>9.3f}{c.p95:>9.3f}{c.max:>9.2f}{self.p50:>9.2f}"
            f"{self.p95:>9.2f}  {'validated' if self.validated else 'REFUSED'}"
        )

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "change": self.change.as_dict(), "validated": self.validated}


def measure(
    network: Path, subjects: list[Subject], *, threads: int = 1, rounds: int = 100
) -> tuple[list[PrecisionRow], dict[str, str]]:
    """Rows of everything that runs here, and why the rest does not, by choice."""
    opened: dict[str, HmrNetwork] = {}
    left_out: dict[str, str] = {}
    for choice in choices(network):
        try:
            opened[choice] = open_exactly(network, choice, threads)
        except BackendError as error:
            left_out[choice] = str(error)
    body = BodyModel.default()
    reference = predict(opened[REFERENCE], subjects, body)
    changes = [change_between(predict(one, subjects, body), reference) for one in opened.values()]
    times = time_networks(list(opened.values()), subjects[0], rounds)
    rows = [
        PrecisionRow(choice, one.backend.describe(), change, limit_of(network, choice), *spent)
        for (choice, one), change, spent in zip(opened.items(), changes, times, strict=True)
    ]
    return rows, left_out


def main(arguments: list[str] | None = None) -> int:
    """Command line; the exit code is 1 when something that may be chosen is not validated."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.export.precision_table", description=__doc__
    )
    parser.add_argument("network", type=Path, help="an .onnx with its manifest")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="with lspet_224")
    parser.add_argument("--count", type=int, default=1000, help="crops at most")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=100, help="timed runs of each")
    parser.add_argument("--json", action="store_true", help="print JSON")
    o = parser.parse_args(arguments)
    subjects = subjects_from_lspet(o.data, "development", o.count)
    rows, left_out = measure(o.network, subjects, threads=o.threads, rounds=o.rounds)
    if o.json:
        report = {"rows": [row.as_dict() for row in rows], "left_out": left_out}
        print(json.dumps(report, indent=2))
    else:
        columns = ("mean mm", "p95 mm", "max mm", "p50 ms", "p95 ms")
        print(f"{o.network.name}, {len(subjects)} crops, against {REFERENCE}")
        print(" " * 22 + "".join(f"{column:>9}" for column in columns))
        for row in rows:
            print(row.as_text())
        for why in left_out.values():
            print(f"left out: {why}")
    return int(not all(row.validated for row in rows))


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except HmrLiveError as error:
        raise SystemExit(str(error)) from None
