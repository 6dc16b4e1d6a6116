"""Choose the person logit at which the score is one half.

Training shows people far more often than places without, so the logit of the person flag is above
zero on many crops of empty places.  The exported score is the sigmoid of the logit minus a shift.
The shift comes from photos that training held out, and from person-free backgrounds of the training
split, cut anew.  The development photos and the backgrounds of the test split stay untouched.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from hmr_live_training.distributed import Processes
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.sampling.pictures import CropStream

_BATCH = 32


class PersonThreshold(NamedTuple):
    """The logit at which the score is one half, and what it does to the crops that decided it.

    Attributes
    ----------
    logit
        Of the trained network.
    false_positives
        Share of the person-free crops above it.
    missed
        Share of the crops of held-out photos below it.
    """

    logit: float
    false_positives: float
    missed: float


@torch.no_grad()
def person_logits(network: BodyNetwork, stream: CropStream, count: int) -> Tensor:
    """Person logits ``(N,)`` of about ``count`` crops."""
    network.eval()
    device = network.regressor.feature_mean.device
    rows = []
    for step in range(-(-count // _BATCH)):
        batch = stream.draw(step, _BATCH, Processes())
        features = network.encode_features(batch.inputs.to(device), "crop")
        rows.append(network.encoder.heads.logits(features)[1].cpu())
    return torch.cat(rows)


def person_threshold(
    people: Tensor, empty: Tensor, misses_per_false_positive: float
) -> PersonThreshold:
    """The logit at which people are missed so many times as often as nobody is called a person.

    A miss costs less: training's crops of people are harder than a camera's, and whoever is missed
    in one frame is found in the next, while an empty room stays empty.

    Parameters
    ----------
    people, empty
        Logits of crops with ``(N,)`` and without ``(M,)`` a person.
    misses_per_false_positive
        Ratio of the two shares.
    """
    candidates = torch.cat([people, empty]).double().sort().values
    missed = torch.searchsorted(people.double().sort().values, candidates) / len(people)
    called = 1 - torch.searchsorted(empty.double().sort().values, candidates) / len(empty)
    # One share rises with the logit and the other falls, so they cross once.
    crossing = int((missed >= misses_per_false_positive * called).int().argmax())
    logit = round(float(candidates[crossing]), 2)
    return PersonThreshold(
        logit,
        float((empty >= logit).double().mean()),
        float((people < logit).double().mean()),
    )
