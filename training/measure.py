"""Figures of any exported network on any labelled people, through the engine that users run.

``python -m training.measure NETWORK.onnx ... --shards FOLDER``; ``training.collect`` makes the
shards.  Regions follow from the labelled joints.  SMPL's twelve limb joints are compared as they
are: no joint regressor of a data set is used, so figures of papers that use one (3DPW's and
Human3.6M's 14 joints) are not the same figures.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from engine.body import BodyModel
from engine.errors import AssetError, HmrLiveError
from engine.network import HmrNetwork, NetworkOutput
from engine.state import Region
from training.data.crops import (
    CROP_SIZE,
    apply_matrix,
    box_region,
    crop_matrix,
    region_from_lsp,
    rotate_to_crop,
)
from training.data.readers.joint_sets import lsp_from_common
from training.data.readers.person import Image, LabelledPerson, PictureReader
from training.data.readers.shards import find_shards, read_shard
from training.landmarks import LSP_LIMBS, LSP_LIMBS_IN_SMPL
from training.metrics import bootstrap_interval, pck_hits, procrustes_aligned

Array = NDArray[np.floating[Any]]
Network = Callable[[Image, Region], NetworkOutput]

_MIN_JOINTS: Final = 4
#: The two hips among the limb joints.
_HIPS: Final = (2, 3)


@dataclass(frozen=True)
class Figures:
    """What was measured; each with its 95 % interval, people drawn with replacement.

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
    pck: tuple[float, float, float]
    mpjpe: tuple[float, float, float] | None
    pa_mpjpe: tuple[float, float, float] | None

    def row(self) -> str:
        """One line of a table."""
        parts = [f"PCK12@0.2 {_shown(self.pck)} ({self.people} people)"]
        if self.mpjpe and self.pa_mpjpe:
            parts.append(f"MPJPE {_shown(self.mpjpe)} mm, PA-MPJPE {_shown(self.pa_mpjpe)} mm")
            parts.append(f"({self.people_3d} people)")
        return " ".join(parts)


def _shown(figure: tuple[float, float, float]) -> str:
    return f"{figure[0]:.1f} [{figure[1]:.1f}, {figure[2]:.1f}]"


def measure(
    people: Iterable[LabelledPerson], network: Network, body: BodyModel, *, plain_box: bool = False
) -> Figures:
    """Run a network on labelled people.

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
    found_2d, true_2d, found_3d, true_3d = [], [], [], []
    with PictureReader() as reader:
        for person in people:
            keypoints = lsp_from_common(person.joints_2d)
            if (keypoints[:, 2] > 0).sum() < _MIN_JOINTS:
                continue
            region = box_region(keypoints) if plain_box else region_from_lsp(keypoints)
            output = network(reader.read(person.picture), region)
            joints = body.joints(output.rotmats, output.betas)[list(LSP_LIMBS_IN_SMPL)]
            found_2d.append(output.camera[0] * (joints[:, :2] + output.camera[1:]))
            true_2d.append(_in_crop(keypoints, region))
            deep = _limbs_3d(person, region)
            if deep is not None:
                found_3d.append(joints)
                true_3d.append(deep)
    if not found_2d:
        raise AssetError("Nobody in these shards has enough labelled joints; give other shards.")
    hits, counted = pck_hits(np.stack(found_2d), np.stack(true_2d))
    low, high = bootstrap_interval(hits, counted)
    pck = (100 * float(hits.sum()) / max(int(counted.sum()), 1), low, high)
    if not found_3d:
        return Figures(len(found_2d), 0, pck, None, None)
    found, true = _centred(np.stack(found_3d)), _centred(np.stack(true_3d))
    aligned = procrustes_aligned(found, true)
    errors = [_millimetres(found, true), _millimetres(aligned, true)]
    return Figures(len(found_2d), len(found), pck, _interval(errors[0]), _interval(errors[1]))


def _in_crop(keypoints: Array, region: Region) -> Array:
    """LSP joints ``(14, 3)`` in [-1, 1] across the crop."""
    points = apply_matrix(crop_matrix(region), keypoints[:, :2].astype(np.float64))
    return np.column_stack([points * (2 / CROP_SIZE) - 1, keypoints[:, 2]])


def _limbs_3d(person: LabelledPerson, region: Region) -> Array | None:
    """The twelve limb joints ``(12, 3)`` in the crop's camera frame, if all are labelled."""
    if person.joints_3d is None:
        return None
    limbs = lsp_from_common(person.joints_3d)[list(LSP_LIMBS)].astype(np.float64)
    if not (limbs[:, 3] > 0).all():
        return None
    return rotate_to_crop(crop_matrix(region), limbs[:, :3])


def _centred(joints: Array) -> Array:
    return np.asarray(joints - joints[:, list(_HIPS)].mean(axis=1, keepdims=True))


def _millimetres(found: Array, true: Array) -> Array:
    """Mean distance of each person."""
    return np.asarray(np.linalg.norm(found - true, axis=-1).mean(axis=1) * 1000)


def _interval(errors: Array, rounds: int = 1000) -> tuple[float, float, float]:
    """Mean over people with its 95 % bootstrap interval."""
    draws = np.random.default_rng(0).integers(0, len(errors), (rounds, len(errors)))
    low, high = np.percentile(errors[draws].mean(axis=1), [2.5, 97.5])
    return float(errors.mean()), float(low), float(high)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="training.measure", description=__doc__)
    parser.add_argument("networks", type=Path, nargs="+", help=".onnx files with manifests")
    parser.add_argument("--shards", type=Path, required=True, help="folder")
    parser.add_argument("--body", type=Path, help="SMPL body file; the open body by default")
    parser.add_argument("--plain-box", action="store_true", help="regions are not turned upright")
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args(arguments)
    try:
        body = BodyModel.load(o.body) if o.body else BodyModel.default()
        for path in o.networks:
            network = HmrNetwork(path, threads=o.threads)
            people = (person for shard in find_shards(o.shards) for person in read_shard(shard))

            def run(image: Image, region: Region, network: HmrNetwork = network) -> NetworkOutput:
                return network.run(image, [region])[0]

            print(f"{path.name}: {measure(people, run, body, plain_box=o.plain_box).row()}")
    except HmrLiveError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
