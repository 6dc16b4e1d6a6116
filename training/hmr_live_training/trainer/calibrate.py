"""Make a run's confidence true.

``python -m hmr_live_training.trainer.calibrate --checkpoint RUN.pt --out NEW.pt``

A network need not be right about its training photos as often as about others, and its confidence
was learned there.  On crops of the photos that the run kept out, one scale and one shift are fitted
to the logits of all landmarks (Platt, 1999), and folded into the confidence layer.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from hmr_live.core.errors import AssetError
from hmr_live_training.checkpoints.build_network import restore_network
from hmr_live_training.checkpoints.checkpoint import load_checkpoint, save_checkpoint
from hmr_live_training.distributed import Processes
from hmr_live_training.models.losses import confidence_targets, weighted_cross_entropy
from hmr_live_training.models.network import BodyNetwork
from hmr_live_training.models.regressor import unpack
from hmr_live_training.sampling.pictures import CropStream
from hmr_live_training.sampling.sources import training_photos
from hmr_live_training.trainer.objective import body_points, clicked_first

#: Crops that are looked at together.
_BATCH = 32


@torch.no_grad()
def confidence_logits(
    network: BodyNetwork, stream: CropStream, count: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Logits of about ``count`` crops, which should say yes, and weights, ``(N, 27)`` each."""
    network.eval()
    rows = []
    for step in range(-(-count // _BATCH)):
        batch = stream.draw(step, _BATCH, Processes())
        encoded = network.encode(batch.inputs, "crop", batch.perspective)
        refined = unpack(network.thetas(encoded)[-1])
        points = body_points(network.regressor, refined, encoded.observed.perspective)
        truth = confidence_targets(points, clicked_first(batch), batch.visible, batch.person)
        rows.append((network.confidence_logits(encoded.features), *truth))
    logits, near, weight = (torch.cat(column) for column in zip(*rows, strict=True))
    return logits, near, weight


def scale_and_shift(logits: Tensor, near: Tensor, weight: Tensor) -> tuple[float, float]:
    """Of the logits ``scale * logits + shift`` that say best what is near."""
    fitted = torch.tensor([1.0, 0.0], requires_grad=True)
    optimizer = torch.optim.LBFGS([fitted], max_iter=50, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        value = weighted_cross_entropy(fitted[0] * logits + fitted[1], near, weight)
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    scale, shift = fitted.tolist()
    return scale, shift


@torch.no_grad()
def adjust(network: BodyNetwork, scale: float, shift: float) -> None:
    """Fold the scale and the shift into the confidence layer."""
    network.confidence.weight.mul_(scale)
    network.confidence.bias.mul_(scale).add_(shift)


def main(arguments: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(
        prog="hmr_live_training.trainer.calibrate", description=__doc__
    )
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--encoders", type=Path, default=Path("encoders"))
    parser.add_argument("--cache", type=Path, default=Path("cache"))
    parser.add_argument("--body", type=Path, default=Path("assets/body/open_body.npz"))
    parser.add_argument("--checkpoint", type=Path, required=True)
    parser.add_argument("--crops", type=int, default=2000)
    parser.add_argument("--out", type=Path, required=True)
    o = parser.parse_args(arguments)
    saved = load_checkpoint(o.checkpoint)
    _, held = training_photos(saved.config, o.data, o.cache)
    if not len(held):
        raise AssetError(f"The run {saved.config.name} kept no photos out; there is nothing to do.")
    network = restore_network(saved, encoders=o.encoders, data=o.data, body=o.body)
    stream = CropStream(held, None, saved.config.augment, saved.config.seed)
    scale, shift = scale_and_shift(*confidence_logits(network, stream, o.crops))
    adjust(network, scale, shift)
    save_checkpoint(o.out, replace(saved, network=network.state_dict()))
    print(f"confidence: logits times {scale:.3f} plus {shift:.3f}; wrote {o.out}")


if __name__ == "__main__":
    main()
