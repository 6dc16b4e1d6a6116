"""Kill a recorder at random moments and count the frames that are missing afterwards.

python -m tests.engine.takes.kill_trial --kills 200

Each trial forks a process that records 30 frames a second and reports through a pipe, after every
frame, how many it has handed to the recorder and how many the recorder says it has written; it is
killed (SIGKILL) up to two seconds later.  A frame that was handed over but cannot be read from the
take is lost; one that was written must never be.  Where other programs keep every core busy, the
recorder's thread waits for its turn, and more than the last frame may be on its way.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import statistics
import struct
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from hmr_live.core.errors import RecordingError
from hmr_live.takes.container import read_take
from hmr_live.takes.recorder import TakeRecorder
from hmr_live.takes.records import TakeFrame
from tests.engine.takes.cases import INFO, body_state

#: A kill comes at most this long after the recorder was started.
_LONGEST_S = 2.0
_REPORT = struct.Struct("<II")
_PEOPLE = [body_state(seed) for seed in range(64)]


def record(path: Path, pipe: int, fps: float) -> None:
    """Record until killed; tells each frame."""
    recorder = TakeRecorder(path, INFO, keep_free=0)
    number = 0
    while True:
        frame = TakeFrame(number / fps, time.time(), number, (_PEOPLE[number % 64],))
        recorder.add(frame)
        number += 1
        os.write(pipe, _REPORT.pack(number, recorder.frames))
        time.sleep(1 / fps)  # a process that was held up does not catch up: nor does a camera


def kill_one(path: Path, after: float, fps: float) -> tuple[int, int, int]:
    """Kill one recorder after so many seconds; frames handed over, written, kept."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        record(path, writing, fps)
    os.close(writing)
    time.sleep(after)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reading, "rb") as pipe:
        reports = pipe.read()
    added, written = _REPORT.unpack(reports[-_REPORT.size :]) if reports else (0, 0)
    return added, written, frames_kept(path)


def frames_kept(path: Path) -> int:
    """Frames that can be read back; each must be the one that was recorded."""
    try:
        take = read_take(path)
    except RecordingError:  # killed before the header was there
        return 0
    if not take.motions:
        return 0
    (motion,) = take.motions
    expected = np.stack([_PEOPLE[k % 64].transl for k in range(len(motion.times))])
    if not np.array_equal(motion.transl, expected):
        raise AssertionError(f"{path} holds other frames than were recorded")
    return len(motion.times)


def main() -> int:
    """Run the trials and print what was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    moments = random.Random(options.seed)
    added, lost, written_lost = 0, [], 0
    with tempfile.TemporaryDirectory() as folder:
        for kill in range(options.kills):
            after = moments.uniform(0, _LONGEST_S)
            frames, written, kept = kill_one(Path(folder) / f"{kill}.hmrtake", after, options.fps)
            added += frames
            # A frame may be in the file before it is reported: that is none lost.
            lost.append(max(frames - kept, 0))
            written_lost += max(written - kept, 0)
    report = {
        "kills": options.kills,
        "frames": added,
        "lost_max": max(lost),
        "lost_mean": sum(lost) / len(lost),
        "lost_median": statistics.median(lost),
        "kills_by_frames_lost": {str(n): lost.count(n) for n in sorted(set(lost))},
        "written_frames_lost": written_lost,
    }
    sys.stdout.write(json.dumps(report) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
