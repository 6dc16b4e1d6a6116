"""Runs in the interpreter that has MediaPipe, never in ours: frames in, milliseconds out.

Standard input holds frames: height and width as two little-endian uint32, then the RGB pixels.
Standard output gets a line of JSON for each, and one before the first.  Nothing of hmr-live is
imported, so that the other environment needs MediaPipe alone.
"""

from __future__ import annotations

import json
import os
import struct
import sys
import time
from typing import Any

HEADER = struct.Struct("<II")


def main(complexity: int) -> None:
    """Serve until the input ends."""
    # Native libraries may write to the standard output, which belongs to the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)

    def answer(**fields: object) -> None:
        answers.write(json.dumps(fields) + "\n")
        answers.flush()

    try:
        import mediapipe
        import numpy as np

        pose: Any = mediapipe.solutions.pose.Pose(model_complexity=complexity)
    except Exception as error:
        answer(error=f"{type(error).__name__}: {error}")
        return
    answer(version=mediapipe.__version__)
    frames = sys.stdin.buffer
    while len(header := frames.read(HEADER.size)) == HEADER.size:
        height, width = HEADER.unpack(header)
        pixels = np.frombuffer(frames.read(height * width * 3), np.uint8)
        picture = pixels.reshape(height, width, 3)
        start = time.perf_counter()
        found = pose.process(picture).pose_landmarks is not None
        answer(milliseconds=(time.perf_counter() - start) * 1000, found=found)


if __name__ == "__main__":
    main(int(sys.argv[1]))
