"""Evaluate networks and baselines.

``python -m hmr_live_training.measure NETWORK_OR_CHECKPOINT ... --data ../shared/data``

Every figure comes with a 95 % bootstrap interval that resamples people.  The options choose the
data sets: ``--data`` the development photos of LSPET, person-free pictures and synthetic video
sequences; ``--synthetic`` a test split of ``hmr_live_training.synthetic``; ``--shards`` labelled
people in shards of ``hmr_live_training.collect``; ``--video`` video files; ``--truth`` the 3D
joints of a video, for its joint angles.  ``--posture`` measures posture in space instead, and
``--sheets`` shows it.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from hmr_live.body.model import BodyModel
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError, HmrLiveError
from hmr_live.recovery.detector import PersonDetector
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.evaluation.baselines import KINDS, BlazePoseEstimator
from hmr_live_training.evaluation.estimators import BodyReader, Estimator, NetworkEstimator
from hmr_live_training.evaluation.evaluator import DATA_SETS, EvaluationData, Evaluator
from hmr_live_training.evaluation.posture_sheets import write_sheets
from hmr_live_training.evaluation.report import ResultRow, as_json, as_markdown, as_text

_DEFAULT_DATA: Final = Path("../shared/data")
_CHECKPOINT: Final = ".pt"
#: ``--quick`` evaluates every fourth picture.
_QUICK: Final = 4
#: Options behind the fields of :class:`.EvaluationData`.
_OPTIONS: Final = {
    "data": "data",
    "synthetic": "synthetic",
    "shards": "shards",
    "videos": "video",
    "truth": "truth",
}


def _open_estimators(options: argparse.Namespace) -> list[Estimator]:
    body = BodyModel.load(options.body) if options.body else BodyModel.default()
    reader = BodyReader(body)
    paths: list[Path] = options.networks
    names = [path.name for path in paths]
    estimators: list[Estimator] = []
    for path in paths:
        name = path.name if names.count(path.name) == 1 else f"{path.parent.name}/{path.name}"
        estimators.append(NetworkEstimator(name, _open_network(path, options), reader))
    if options.baselines is not None:
        if options.encoders is None or options.cache is None:
            raise AssetError("Baselines need the BlazePose files; give --encoders and --cache.")
        folders = options.encoders, options.cache
        estimators += [
            BlazePoseEstimator.open(*folders, kind, threads=options.threads)
            for kind in options.baselines or KINDS
        ]
    if not estimators:
        raise AssetError("There is no estimator to evaluate; name a network or give --baselines.")
    return estimators


def _open_network(path: Path, options: argparse.Namespace) -> HmrNetwork:
    if path.suffix != _CHECKPOINT:
        return HmrNetwork(path, backend=options.backend, threads=options.threads)
    if options.encoders is None or options.data is None:
        raise AssetError(f"The checkpoint {path.name} needs --encoders and --data.")
    # Exported networks do without torch.
    from hmr_live_training.evaluation.checkpoint_network import CheckpointFolders, open_checkpoint

    body = options.body or asset_path("body", "open_body.npz")
    folders = CheckpointFolders(options.data, options.encoders, body)
    return open_checkpoint(path, folders, backend=options.backend, threads=options.threads)


def _named_folder(given: str) -> tuple[str, Path]:
    """``"3dpw=shards/3dpw"``, or a folder alone, which is named after itself."""
    name, equals, folder = given.partition("=")
    path = Path(folder if equals else given)
    return (name if equals else path.name), path


def _chosen_data_sets(options: argparse.Namespace, data: EvaluationData) -> list[str]:
    available = data.available
    chosen = options.sets or (["posture"] if options.posture else data.usual)
    for name in chosen:
        if name not in available:
            raise AssetError(f"The data set {name} needs --{_OPTIONS[DATA_SETS[name]]}.")
    if options.sheets and "posture" not in chosen:
        raise AssetError("Contact sheets show posture; give --sheets together with --posture.")
    if not chosen:
        raise AssetError(
            "There is nothing to evaluate on; give --data, --synthetic, --shards or --video."
        )
    return list(chosen)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m hmr_live_training.measure",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "networks",
        type=Path,
        nargs="*",
        metavar="NETWORK_OR_CHECKPOINT",
        help="exported networks (.onnx with their manifests) or training checkpoints (.pt)",
    )
    parser.add_argument(
        "--data",
        type=Path,
        help="folder of the training data (default, where no other data are given: ../shared/data)",
    )
    parser.add_argument("--synthetic", type=Path, help="folder of synthetic test shards")
    parser.add_argument(
        "--shards",
        nargs="+",
        default=[],
        metavar="[NAME=]FOLDER",
        help="folders of shards of labelled people",
    )
    parser.add_argument(
        "--video", type=Path, nargs="+", default=[], metavar="FILE", help="video files"
    )
    parser.add_argument(
        "--truth",
        type=Path,
        metavar="FILE",
        help="3D joints of the video: .npz with joints_camera (T, K, 3) in metres, camera frame,\n"
        "and joint_names (K,), with RKnee, LKnee and the other limb joints among them",
    )
    parser.add_argument(
        "--baselines",
        nargs="*",
        choices=KINDS,
        help="also evaluate BlazePose on the same crops (all three kinds by default)",
    )
    parser.add_argument(
        "--encoders",
        type=Path,
        help="folder of the BlazePose .tflite files, for baselines and checkpoints",
    )
    parser.add_argument(
        "--cache",
        type=Path,
        help="folder of hmr_live_training.sampling.prepare: labels of the teacher, baselines",
    )
    parser.add_argument(
        "--sets",
        nargs="+",
        choices=list(DATA_SETS),
        help="data sets to evaluate on (default: all that the other options give)",
    )
    parser.add_argument(
        "--posture",
        action="store_true",
        help="knees, trunk and stature in space: drawn people, standing people in photos, clips",
    )
    parser.add_argument(
        "--sheets",
        type=Path,
        metavar="DIR",
        help="with --posture: also write contact sheets with overlays and side views",
    )
    parser.add_argument("--quick", action="store_true", help="evaluate every fourth picture only")
    parser.add_argument(
        "--body", type=Path, help="SMPL body file of the networks (default: the open body)"
    )
    parser.add_argument(
        "--backend", default="onnxruntime", help="inference back end (default: %(default)s)"
    )
    parser.add_argument(
        "--threads", type=int, default=2, help="threads of the back end (default: %(default)s)"
    )
    parser.add_argument("--markdown", action="store_true", help="print Markdown tables")
    parser.add_argument("--out", type=Path, metavar="FILE", help="also write all figures as JSON")
    return parser


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    o = _parser().parse_args(arguments)
    if not (o.data or o.synthetic or o.shards or o.video) and _DEFAULT_DATA.is_dir():
        o.data = _DEFAULT_DATA
    data = EvaluationData(
        data=o.data,
        synthetic=o.synthetic,
        shards=[_named_folder(given) for given in o.shards],
        videos=o.video,
        truth=o.truth,
        cache=o.cache,
        body=o.body,
    )
    step = _QUICK if o.quick else 1
    try:
        names = _chosen_data_sets(o, data)
        estimators = _open_estimators(o)
        detector = PersonDetector(backend=o.backend, threads=o.threads)
        rows = Evaluator(estimators, data, detector, step=step).rows(names)
        if o.sheets:
            networks = [e for e in estimators if isinstance(e, NetworkEstimator)]
            write_sheets(networks, data.folder, detector, o.sheets, step=step)
    except HmrLiveError as error:
        sys.exit(str(error))
    print(as_markdown(rows) if o.markdown else as_text(rows))
    if o.out:
        o.out.parent.mkdir(parents=True, exist_ok=True)
        o.out.write_text(json.dumps(_document(o, names, estimators, rows), indent=1))


def _document(
    options: argparse.Namespace,
    names: list[str],
    estimators: Sequence[Estimator],
    rows: list[ResultRow],
) -> dict[str, Any]:
    networks = [
        {"name": e.name, "sha256": e.network.manifest["sha256"]}
        for e in estimators
        if isinstance(e, NetworkEstimator)
    ]
    return {
        "networks": networks,
        "estimators": [e.name for e in estimators],
        "sets": names,
        "every": _QUICK if options.quick else 1,
        "backend": options.backend,
        "interval": "95 %, bootstrap over people",
        "rows": as_json(rows),
    }


if __name__ == "__main__":
    main()
