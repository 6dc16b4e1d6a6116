"""A pipeline that sees nobody, quickly, and jobs for it."""

from __future__ import annotations

import os
import signal
import time
from types import SimpleNamespace

import numpy as np

from hmr_live.batch.archive.inputs import Job
from hmr_live.batch.archive.worker import JobSpec
from hmr_live.core.errors import AssetError, BackendError
from hmr_live.core.state import FrameResult

#: A frame as bright as this kills the process, as a decoder does that breaks.
DEADLY = 200

SETTINGS = {"network": "abc", "overlay": False}


class BlindPipeline:
    """Stands in for the pipeline; ``breaks`` makes it lose its device once."""

    smoothing = filters = True
    body = SimpleNamespace(
        name="none", sha256="", rest_joints=lambda _betas: np.zeros((24, 3), np.float32)
    )
    network = SimpleNamespace(
        name="blind", manifest={}, backend=SimpleNamespace(describe=lambda: "none")
    )

    def __init__(self, pause=0.0):
        self.pause = pause
        self.breaks = self.closed = False

    def reset(self):
        pass

    def close(self):
        self.closed = True

    def process(self, frame):
        if self.breaks:
            raise BackendError("The device is lost.")
        if frame.image.mean() > DEADLY:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(self.pause)
        return FrameResult(frame, ())


def open_slowly():
    return BlindPipeline(pause=0.2)


def open_nothing():
    raise AssetError("There is no network.")


def open_deadly():
    os._exit(3)


def blind_job_spec(open_pipeline=BlindPipeline, **changes):
    return JobSpec(open_pipeline, **{"settings": SETTINGS, "overlay": False, **changes})


def job_for(source, out):
    size = source.stat().st_size if source.exists() else 0
    return Job(source.name, source, out / source.name, size)


def hidden_files(folder):
    return list(folder.rglob(".*"))
