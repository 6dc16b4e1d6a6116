"""A data folder of a few photos, and the shipped network in a folder of its own."""

import shutil

import cv2
import numpy as np

from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path
from hmr_live_training.landmarks import LSP_NAMES

JOINTS = {
    "right_ankle": (100, 200), "right_knee": (102, 165), "right_hip": (104, 125),
    "left_hip": (124, 125), "left_knee": (126, 165), "left_ankle": (128, 200),
    "right_wrist": (80, 120), "right_elbow": (85, 95), "right_shoulder": (98, 70),
    "left_shoulder": (130, 70), "left_elbow": (143, 95), "left_wrist": (148, 120),
    "neck": (114, 62), "head_top": (114, 35),
}  # fmt: skip


def write_photos(folder):
    """Three training photos and three development photos, as LSPET has them."""
    images = folder / "lspet_224" / "images"
    images.mkdir(parents=True)
    names = [f"im{number:05d}.jpg" for number in (1, 2, 3, 8001, 8002, 8003)]
    clip = VideoFile(asset_path("clips", "balancing.mp4"))
    for name in names:
        frame = clip.read().image
        cv2.imwrite(str(images / name), cv2.resize(frame, (224, 224)))
    joints = np.array([[*point, 1] for point in JOINTS.values()], np.float32)
    assert len(joints) == len(LSP_NAMES)
    np.savez(
        folder / "lspet_224" / "lspet_224.npz",
        imgname=np.array(names),
        joints=np.repeat(joints[None], len(names), axis=0),
        order=np.array(LSP_NAMES),
    )
    return folder


def copy_network(folder):
    """Path of the copy."""
    for suffix in (".onnx", ".json"):
        shutil.copy(asset_path("networks", "full" + suffix), folder)
    return folder / "full.onnx"
