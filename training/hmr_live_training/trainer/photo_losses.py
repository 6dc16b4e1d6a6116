"""What photos say of a body: their lens is unknown, their clicks err, their 3D is a teacher's.

A limb's length in the picture enters as its square: shown at 0.985 of its length it reads as bent
by 20 degrees, and never as less than straight.  So a body that meets every click bends all that is
straight.
"""

from __future__ import annotations

from typing import Final

import torch
from torch import Tensor
from torch.nn import functional

from hmr_live.body.skeleton import JOINT
from hmr_live_training.landmarks import BODY_LANDMARKS, NUM_BLAZEPOSE
from hmr_live_training.models.losses import weighted_mean
from hmr_live_training.sampling.samples import Samples

_PLACE: Final = {landmark.name: k for k, landmark in enumerate(BODY_LANDMARKS[:NUM_BLAZEPOSE])}
#: Joints that are straight in most people, and the landmarks whose bend says whether they are.
_CHAINS: Final = tuple(
    (JOINT[joint], [_PLACE[f"{side}_{name}"] for name in chain])
    for side in ("left", "right")
    for joint, chain in (
        (f"{side}_knee", ("hip", "knee", "ankle")),
        (f"{side}_hip", ("shoulder", "hip", "knee")),
        ("spine1", ("shoulder", "hip", "knee")),
        ("spine2", ("shoulder", "hip", "knee")),
    )
)
_JOINTS: Final = [joint for joint, _ in _CHAINS]
#: Radians of bend at which the teacher is believed to have seen one.
_BENT: Final = 0.5
#: Radians squared under which the bend is rounded off, so that its gradient is finite.
_ROUNDED: Final = 1e-4


def of_photos(batch: Samples) -> Tensor:
    """Which samples show somebody whose body is not known exactly, ``(N, 1)``, 0 or 1."""
    return (batch.body[:, :1] == 0).float() * batch.person[:, None]


def within_slack(points: Tensor, labels: Tensor, slack: Tensor) -> Tensor:
    """Points ``(N, K, 2)`` moved towards their labels ``(N, K, 2)`` by ``slack`` ``(N, 1)``."""
    apart = labels - points
    distance = apart.norm(dim=-1, keepdim=True).clamp_min(1e-6)
    nearer: Tensor = points + apart * (slack[..., None] / distance).clamp_max(1)
    return nearer


def straightness(world: Tensor) -> Tensor:
    """How surely each of the chosen joints is straight, ``(N, 8)`` in [0, 1].

    ``world`` are a teacher's landmarks ``(N, 27, 4)``: x, y, z, weight.
    """
    points, weight = world[..., :3], world[..., 3]
    rows = []
    for _, chain in _CHAINS:
        first, middle, last = points[:, chain].unbind(dim=1)
        cosine = functional.cosine_similarity(middle - first, last - middle, dim=1)
        bend = torch.acos(cosine.clamp(-1, 1))
        known = (weight[:, chain] > 0).all(dim=1)
        rows.append(torch.exp(-((bend / _BENT) ** 2)) * known)
    return torch.stack(rows, dim=1)


def bends_of_straight_limbs(rotmats: Tensor, straight: Tensor, batch: Samples) -> Tensor:
    """Mean bend, radians, of the photos' hips, knees and spines that the teacher sees straight.

    What a teacher bends a little, noise has bent; what it bends much is left alone.  The bend and
    not its square, so that evidence can outweigh it at any angle.

    Parameters
    ----------
    rotmats
        ``(N, 24, 3, 3)`` of the body.
    straight
        ``(24, 3, 3)`` of a body that stands straight.
    batch
        The samples.
    """
    apart = rotmats[:, _JOINTS] - straight[_JOINTS]
    bend = torch.sqrt((apart**2).sum(dim=(2, 3)) / 2 + _ROUNDED)
    return weighted_mean(bend, of_photos(batch) * straightness(batch.world))
