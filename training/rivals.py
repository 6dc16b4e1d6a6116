"""BlazePose as published on the development crops: ``python -m training.rivals``.

The same photos, the same region, its own refinement by heat maps: what the network is held
against.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from training.data.augment import exact_plan
from training.data.crops import CROP_SIZE, apply_matrix, warp
from training.data.features import open_network
from training.data.lspet import load_lspet
from training.data.teacher import run_landmarks
from training.encoders.blazepose import TENSORS
from training.landmarks import LSP_LIMBS_IN_BLAZEPOSE
from training.metrics import bootstrap_interval, pck_hits
from training.prepare import landmark_file


def rival_pck(
    data: Path, encoders: Path, cache: Path, kind: str, *, refine: bool = True
) -> tuple[float, tuple[float, float]]:
    """PCK12@0.2 and its 95 % interval on the development test set, percent."""
    photos = load_lspet(data, "development")
    network = open_network(landmark_file(encoders, cache, kind))
    found, labels = [], []
    for index in range(len(photos)):
        keypoints = photos.keypoints[index]
        matrix = exact_plan(keypoints).matrix
        points, *_ = run_landmarks(network, warp(photos.image(index), matrix), refine=refine)
        found.append(points[list(LSP_LIMBS_IN_BLAZEPOSE)])
        row = keypoints.copy()
        row[:, :2] = apply_matrix(matrix, keypoints[:, :2])
        labels.append(row)
    true = np.stack(labels)
    true[..., :2] = true[..., :2] * 2 / CROP_SIZE - 1
    hits, counted = pck_hits(np.stack(found) * 2 / CROP_SIZE - 1, true)
    pck = 100 * float(hits.sum()) / int(counted.sum())
    return pck, bootstrap_interval(hits, counted)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="training.rivals", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--kinds", nargs="+", choices=sorted(TENSORS), default=["full", "heavy"])
    o = parser.parse_args(arguments)
    for kind in o.kinds:
        pck, (low, high) = rival_pck(o.data, o.encoders, o.cache, kind)
        print(f"BlazePose {kind}: PCK12@0.2 {pck:.1f} ({low:.1f} to {high:.1f})", flush=True)


if __name__ == "__main__":
    main()
