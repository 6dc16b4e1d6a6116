"""Tiny stand-ins for the training data: motion capture, backgrounds, fabric patches."""

from pathlib import Path

import cv2
import numpy as np

from hmr_live.body.skeleton import PARENTS
from hmr_live_training.data.mocap import MOTION_FILES

GARMENTS = ("dress", "longsleeve", "outwear", "pants", "shirt", "shorts", "skirt", "t-shirt")
SEQUENCES, FRAMES = 20, 4


def write_data(folder: Path) -> Path:
    """Write all stand-ins; pose k of the motion capture bends the left elbow by its own angle."""
    rng = np.random.default_rng(0)
    write_motion(folder / MOTION_FILES[0], rng)
    write_motion(folder / MOTION_FILES[1], rng, low=1.6)
    hdri, patches = folder / "backgrounds_hdri_crops", folder / "clothing_patches_192"
    hdri.mkdir(parents=True)
    patches.mkdir()
    for panorama in range(10):
        for view in range(2):
            _write_picture(hdri / f"room{panorama}_1k_{view:02d}.jpg", 96, rng)
    for garment in GARMENTS:
        for number in range(12):
            _write_picture(patches / f"{garment}_{number}.jpg", 48, rng)
    return folder


def write_motion(path: Path, rng: np.random.Generator, low: float = 0.05) -> None:
    """Write one file of motion capture; left elbows bend by 1.45 rad from ``low`` on."""
    path.parent.mkdir(parents=True)
    pose = rng.normal(0, 0.15, (SEQUENCES * FRAMES, 24, 3))
    pose[:, 18] = 0
    pose[:, 18, 1] = -np.linspace(low, low + 1.45, len(pose))
    np.savez(
        path,
        pose=pose.astype(np.float32),
        start=np.arange(SEQUENCES) * FRAMES,
        length=np.full(SEQUENCES, FRAMES),
        name=np.array([f"sequence_{k}" for k in range(SEQUENCES)]),
        fps=np.array(30),
        parents=np.array(PARENTS),
    )


def _write_picture(path: Path, side: int, rng: np.random.Generator) -> None:
    coarse = rng.integers(30, 230, (4, 4, 3)).astype(np.uint8)
    cv2.imwrite(str(path), cv2.resize(coarse, (side, side), interpolation=cv2.INTER_LINEAR))
