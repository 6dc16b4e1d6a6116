"""Evaluate exported networks as users run them: one command, tables out.

``python -m hmr_live_training.measure NETWORK.onnx ... --data ../shared/data --synthetic FOLDER
--rivals
--encoders DIR --cache DIR --out figures.json``

What is measured depends on what is given: ``--data`` the development photos, person-free pictures
and synthetic films; ``--synthetic`` a test split of ``hmr_live_training.synthetic``; ``--shards``
labelled
people of any reader (``hmr_live_training.collect`` makes such shards); ``--video`` films.  Every
figure has
a 95 % interval, people drawn with replacement.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hmr_live.body.model import BodyModel
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live.core.state import CropBox, Image
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork, NetworkOutput
from hmr_live_training.data.lspet import load_lspet
from hmr_live_training.data.mocap import JointLimits, joint_limits
from hmr_live_training.data.readers.person import LabelledPerson
from hmr_live_training.data.readers.shards import find_shards, read_shard
from hmr_live_training.data.teacher import load_labels, teacher_path
from hmr_live_training.evaluation.baselines import KINDS, BlazePoseEstimator
from hmr_live_training.evaluation.calibration import score_rows
from hmr_live_training.evaluation.empty import EmptyAnswers, empty_rows, run_empty
from hmr_live_training.evaluation.estimators import (
    BodyReader,
    Estimate,
    Estimator,
    NetworkEstimator,
)
from hmr_live_training.evaluation.film_truth import CLIPS, draw_clips, moving_rows
from hmr_live_training.evaluation.films import video_rows
from hmr_live_training.evaluation.people import measure_people
from hmr_live_training.evaluation.photo_figures import photo_rows
from hmr_live_training.evaluation.photos import PhotoAnswers, run_photos
from hmr_live_training.evaluation.report import Row, as_json, as_markdown, as_text
from hmr_live_training.evaluation.statistics import Figure
from hmr_live_training.evaluation.synthetic import SPLIT, run_synthetic
from hmr_live_training.evaluation.synthetic_figures import synthetic_rows
from hmr_live_training.synthetic.body_poses import load_body_poses

Network = Callable[[Image, CropBox], NetworkOutput]
Interval = tuple[float, float, float]

#: What can be measured, and the option that it needs.
SETS: Final = {
    "photos": "data",
    "synthetic": "synthetic",
    "empty": "data",
    "films": "data",
    "shards": "shards",
    "videos": "video",
}
#: ``--quick`` takes every fourth picture.
_QUICK: Final = 4


@dataclass(frozen=True)
class Figures:
    """What was measured on labelled people; each with its 95 % interval.

    Attributes
    ----------
    people, people_3d
        How many count in 2D and in 3D.
    pck
        PCK12@0.2, percent; the threshold is 0.2 x |left shoulder - right hip|.
    mpjpe, pa_mpjpe
        Millimetres, relative to the hips' middle, and after Procrustes alignment; None without 3D
        labels.
    """

    people: int
    people_3d: int
    pck: Interval
    mpjpe: Interval | None
    pa_mpjpe: Interval | None

    def row(self) -> str:
        """One line of a table."""
        parts = [f"PCK12@0.2 {_shown(self.pck)} ({self.people} people)"]
        if self.mpjpe and self.pa_mpjpe:
            parts.append(f"MPJPE {_shown(self.mpjpe)} mm, PA-MPJPE {_shown(self.pa_mpjpe)} mm")
            parts.append(f"({self.people_3d} people)")
        return " ".join(parts)


def _shown(figure: Interval) -> str:
    return f"{figure[0]:.1f} [{figure[1]:.1f}, {figure[2]:.1f}]"


def measure(
    people: Iterable[LabelledPerson], network: Network, body: BodyModel, *, plain_box: bool = False
) -> Figures:
    """Run one network on labelled people.

    Parameters
    ----------
    people
        Those with fewer than four labelled LSP joints do not count; in 3D those whose twelve limb
        joints are all labelled count.
    network
        Picture and region to parameters in the camera of the region.
    body
        That the network was trained with.
    plain_box
        Regions as an unturned box, not as the tracker turns them.

    Raises
    ------
    AssetError
        When nobody counts.
    """
    reader = BodyReader(body)

    def look(image: Image, crop_boxes: Sequence[CropBox]) -> list[Estimate]:
        return [reader(network(image, crop_box)) for crop_box in crop_boxes]

    rule = "box" if plain_box else "upright"
    found = measure_people(people, {"network": look}, [rule])["network", rule]
    pck, deep = found["PCK12@0.2"], found["MPJPE"]
    return Figures(
        people=pck.count if pck else 0,
        people_3d=deep.count if deep else 0,
        pck=_interval(pck) or (0.0, 0.0, 0.0),
        mpjpe=_interval(deep),
        pa_mpjpe=_interval(found["PA-MPJPE"]),
    )


def _interval(figure: Figure | None) -> Interval | None:
    return None if figure is None else (figure.value, figure.low, figure.high)


class _Evaluation:
    """The command's settings and everything that several sets share."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._o = options
        self._step = _QUICK if options.quick else 1
        self._body = BodyModel.load(options.body) if options.body else BodyModel.default()
        self.estimators = self._open_estimators()
        self._networks = [e for e in self.estimators if isinstance(e, NetworkEstimator)]
        self._detector = PersonDetector(backend=options.backend, threads=options.threads)
        self._photos: PhotoAnswers | None = None
        self._empty: EmptyAnswers | None = None

    def run(self, sets: Sequence[str]) -> list[Row]:
        """Rows of the sets in the order of :data:`SETS`."""
        measuring = {
            "photos": self._photos_rows,
            "synthetic": self._synthetic_rows,
            "empty": self._empty_rows,
            "films": self._films_rows,
            "shards": self._shards_rows,
            "videos": self._videos_rows,
        }
        rows = [row for name in SETS if name in sets for row in measuring[name]()]
        if self._photos is not None and self._empty is not None:
            rows += score_rows(self._photos, self._empty)
        return rows

    def _open_estimators(self) -> list[Estimator]:
        o, reader = self._o, BodyReader(self._body)
        estimators: list[Estimator] = []
        names = [path.name for path in o.networks]
        for path in o.networks:
            name = path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}"
            network = HmrNetwork(path, backend=o.backend, threads=o.threads)
            estimators.append(NetworkEstimator(name, network, reader))
        if o.rivals is not None:
            if o.encoders is None or o.cache is None:
                raise AssetError("Rivals need --encoders (tflite files) and --cache.")
            for kind in o.rivals or KINDS:
                opened = BlazePoseEstimator.open(o.encoders, o.cache, kind, threads=o.threads)
                estimators.append(opened)
        if not estimators:
            raise AssetError("There is nothing to measure; name a network file or give --rivals.")
        return estimators

    def _limits(self) -> JointLimits | None:
        if self._o.data is None:
            return None
        body = self._o.body or asset_path("body", "open_body.npz")
        return joint_limits(load_body_poses(self._o.data, body))

    def _photos_rows(self) -> list[Row]:
        path = teacher_path(self._o.cache, "heavy", "development") if self._o.cache else None
        teacher = load_labels(path) if path is not None and path.exists() else None
        photos = load_lspet(self._o.data, "development")
        self._photos = run_photos(
            photos, self.estimators, self._detector, teacher=teacher, step=self._step
        )
        return photo_rows(self._photos, self._limits())

    def _synthetic_rows(self) -> list[Row]:
        drawn_with = BodyModel.default()
        run = run_synthetic(self._o.synthetic, self.estimators, drawn_with, step=self._step)
        return synthetic_rows(run, self._limits(), SPLIT)

    def _empty_rows(self) -> list[Row]:
        self._empty = run_empty(self._o.data, self.estimators, self._detector, step=self._step)
        return empty_rows(self._empty)

    def _films_rows(self) -> list[Row]:
        if not self._networks:
            return []
        clips = draw_clips(self._o.data, clips=max(CLIPS // self._step, 1))
        return moving_rows(clips, self._networks, self._detector)

    def _videos_rows(self) -> list[Row]:
        return video_rows(self._o.video, self._networks, self._detector, step=self._step)

    def _shards_rows(self) -> list[Row]:
        rows = []
        looks = {e.name: e.estimate for e in self.estimators}
        for given in self._o.shards:
            name, folder = _named(given)
            people = (person for shard in find_shards(folder) for person in read_shard(shard))
            found = measure_people(people, looks, step=self._step)
            rows += [
                Row("Labelled people", name, str(folder), rule, estimator, figures)
                for (estimator, rule), figures in found.items()
            ]
        return rows


def _named(given: str) -> tuple[str, Path]:
    """``"3dpw=shards/3dpw"`` or a folder alone, which is then its own name."""
    name, equals, folder = given.partition("=")
    path = Path(folder if equals else given)
    return (name if equals else path.name), path


def _chosen_sets(options: argparse.Namespace) -> list[str]:
    ready = [name for name, option in SETS.items() if getattr(options, option)]
    chosen = options.sets or ready
    for name in chosen:
        if name not in ready:
            raise AssetError(f"The set {name} needs --{SETS[name]}.")
    if not chosen:
        raise AssetError("There is nothing to measure on; give --data, --synthetic or --shards.")
    return list(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.measure",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("networks", type=Path, nargs="*", help=".onnx files with manifests")
    parser.add_argument("--data", type=Path, help="training data folder")
    parser.add_argument("--synthetic", type=Path, help="folder of synthetic test shards")
    parser.add_argument("--shards", nargs="+", default=[], metavar="[SET=]FOLDER")
    parser.add_argument("--video", type=Path, nargs="+", default=[], help="films")
    parser.add_argument(
        "--rivals", nargs="*", choices=KINDS, help="BlazePose on the same crops; all three if bare"
    )
    parser.add_argument("--encoders", type=Path, help="folder with BlazePose's tflite files")
    parser.add_argument(
        "--cache", type=Path, help="folder of hmr_live_training.sampling.prepare: teacher, rivals"
    )
    parser.add_argument("--sets", nargs="+", choices=list(SETS), help="all that are given if bare")
    parser.add_argument("--quick", action="store_true", help="every fourth picture")
    parser.add_argument("--body", type=Path, help="SMPL body file; the open body by default")
    parser.add_argument("--backend", default="onnxruntime", help="what runs the networks")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--markdown", action="store_true", help="tables as Markdown")
    parser.add_argument("--out", type=Path, help="write everything as JSON")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    o = _parser().parse_args(arguments)
    try:
        sets = _chosen_sets(o)
        evaluation = _Evaluation(o)
        rows = evaluation.run(sets)
    except HmrLiveError as error:
        sys.exit(str(error))
    print(as_markdown(rows) if o.markdown else as_text(rows))
    if o.out:
        o.out.parent.mkdir(parents=True, exist_ok=True)
        o.out.write_text(json.dumps(_document(o, sets, evaluation.estimators, rows), indent=1))


def _document(
    options: argparse.Namespace, sets: list[str], estimators: list[Estimator], rows: list[Row]
) -> dict[str, Any]:
    networks = [
        {"name": e.name, "sha256": e.network.manifest["sha256"]}
        for e in estimators
        if isinstance(e, NetworkEstimator)
    ]
    return {
        "networks": networks,
        "estimators": [e.name for e in estimators],
        "sets": sets,
        "every": _QUICK if options.quick else 1,
        "backend": options.backend,
        "interval": "95 %, bootstrap over people",
        "rows": as_json(rows),
    }


if __name__ == "__main__":
    main()
