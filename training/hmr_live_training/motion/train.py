"""Train the motion network: ``python -m hmr_live_training.motion.train FILMS.npz ... --out C.pt``.

Minutes on one CPU core.  It goes on from ``--out`` where that exists.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import torch
from torch import Tensor, nn

from hmr_live.body.model import BodyModel
from hmr_live_training.models.rotations import sixd_from_matrix
from hmr_live_training.motion.films import load_films
from hmr_live_training.motion.network import MotionNetwork, MotionOutput, blank_state
from hmr_live_training.motion.windows import (
    CapturedWindows,
    FilmWindows,
    Skeleton,
    Window,
    mirrored,
)

#: Windows of films and of captured motion in a step.
FILMS: Final = 20
CAPTURED: Final = 44
#: Frames at the start of a window that count less: nothing is known yet.
_UNSURE: Final = 6
#: What the picture shows, x and y, is to stay right; depth is what is to be learned.
_ALONG: Final = (2.0, 2.0, 1.0)
_WEIGHTS: Final = {
    "joints": 10.0,
    "rotations": 1.0,
    "motion": 3.0,
    "velocity": 0.3,
    "contacts": 0.15,
    "up": 1.0,
    "spread": 0.02,
}


def losses_of(skeleton: Skeleton, output: MotionOutput, window: Window) -> dict[str, Tensor]:
    """All losses, unweighted, each a mean over windows and frames."""
    places = skeleton.joints(skeleton.turns(output.rotmats))
    true = skeleton.joints(skeleton.turns(window.rotmats))
    wrong = (places - true) * torch.tensor(_ALONG)
    weight = (0.2 + 0.8 * torch.arange(wrong.shape[1]) / _UNSURE).clamp(max=1)
    weight = weight / weight.mean()
    away = wrong.norm(dim=-1)
    step = window.frames.step[:, 1:, None]
    moved = ((wrong[:, 1:] - wrong[:, :-1]) / (30 * step).clamp_min(0.5)).norm(dim=-1)
    turned = (sixd_from_matrix(output.rotmats) - sixd_from_matrix(window.rotmats)).abs()
    spread = output.spread
    likely = (away.detach() * torch.exp(-spread) + spread).mean(dim=-1)
    return {
        "joints": (away.mean(dim=-1) * weight).mean(),
        "rotations": (turned.mean(dim=(-1, -2)) * weight).mean(),
        "motion": moved.mean(),
        "velocity": (output.velocity - window.velocity).norm(dim=-1).mean(),
        "contacts": nn.functional.binary_cross_entropy_with_logits(
            output.contacts, window.contacts
        ),
        "up": (1 - (output.up * window.up[:, None]).sum(dim=-1)).mean(),
        "spread": (likely * weight).mean(),
    }


def joined(first: Window, second: Window) -> Window:
    """Both after each other."""
    frames = type(first.frames)(
        *(torch.cat(pair) for pair in zip(first.frames, second.frames, strict=True))
    )
    rest = (torch.cat(pair) for pair in zip(first[1:], second[1:], strict=True))
    return Window(frames, *rest)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train and write a checkpoint."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n\n")[0])
    parser.add_argument("films", nargs="+", type=Path, help=".npz files of .films")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--rate", type=float, default=1.5e-3, help="learning rate")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    chosen = parser.parse_args(arguments)
    torch.manual_seed(chosen.seed)
    torch.set_num_threads(1)
    rng = np.random.default_rng(chosen.seed)
    body = BodyModel.default()
    films = FilmWindows(body, [f for path in chosen.films for f in load_films(path)])
    captured = CapturedWindows(body, chosen.data, films)
    skeleton = Skeleton(body)
    network = MotionNetwork()
    if chosen.out.exists():
        network.load_state_dict(torch.load(chosen.out, weights_only=True))
    optimizer = torch.optim.AdamW(network.parameters(), chosen.rate, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, chosen.rate, total_steps=chosen.steps, pct_start=0.1
    )
    averaged = {name: value.clone() for name, value in network.state_dict().items()}
    recent: dict[str, float] = {}
    begin = time.monotonic()
    for step in range(1, chosen.steps + 1):
        window = joined(films.draw(rng, FILMS), captured.draw(rng, CAPTURED))
        if rng.random() < 0.5:
            window = mirrored(window)
        output, _ = network(window.frames, blank_state(FILMS + CAPTURED))
        losses = losses_of(skeleton, output, window)
        total = torch.stack([_WEIGHTS[name] * loss for name, loss in losses.items()]).sum()
        optimizer.zero_grad()
        total.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        decay = min(0.998, step / (step + 10))
        for name, value in network.state_dict().items():
            averaged[name].lerp_(value, 1 - decay)
        for name, loss in losses.items():
            value = float(loss.detach())
            recent[name] = 0.98 * recent.get(name, value) + 0.02 * value
        if step % 100 == 0 or step == chosen.steps:
            said = " ".join(f"{name} {value:.4f}" for name, value in recent.items())
            print(f"step {step} {time.monotonic() - begin:.0f} s | {said}", flush=True)
            torch.save(averaged, chosen.out)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
