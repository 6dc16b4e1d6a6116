"""MediaPipe Pose as a benchmark target: in its own environment, behind a pipe.

Its packages conflict with ours, so another interpreter runs it.  It is timed there, around its own
call alone: neither the pipe nor the colour conversion counts.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np

from hmr_live.bench.mediapipe_worker import HEADER
from hmr_live.core.errors import BackendError
from hmr_live.core.state import Frame

#: The version that was measured; newer ones come without this interface.
VERSION: Final = "0.10.21"
#: Of its three landmark networks (lite, full, heavy) the default; the others are not in the wheel.
COMPLEXITY: Final = 1
ADVICE: Final = (
    f"make an environment for it with python3.12 -m venv mediapipe-env and mediapipe-env/bin/pip "
    f"install mediapipe=={VERSION} (Python 3.9 to 3.12), then give "
    "--mediapipe mediapipe-env/bin/python"
)
_WORKER: Final = Path(__file__).with_name("mediapipe_worker.py")


class MediaPipePose:
    """MediaPipe Pose in the interpreter ``python``.

    Raises
    ------
    BackendError
        If there is no such interpreter or it has no MediaPipe.
    """

    def __init__(self, python: Path) -> None:
        # What it writes there is shown only when it fails; a pipe that nobody reads would block it.
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in close()
        try:
            self._process = subprocess.Popen(
                # -I: neither our PYTHONPATH nor our folder may reach the other environment.
                [str(python), "-I", str(_WORKER), str(COMPLEXITY)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._log,
            )
        except OSError as error:
            self._log.close()
            raise BackendError(
                f"MediaPipe cannot be started with {python} ({error.strerror}): {ADVICE}."
            ) from error
        try:
            version = self._answer()["version"]
        except BaseException:
            self.close()
            raise
        self.name = f"MediaPipe Pose {version}"
        self.description = f"complexity {COMPLEXITY}, tracking, its own choice of threads"

    def run(self, frame: Frame) -> dict[str, float]:
        """See :class:`hmr_live.bench.targets.BenchTarget`."""
        picture = np.ascontiguousarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB))
        try:
            assert self._process.stdin is not None
            self._process.stdin.write(HEADER.pack(*picture.shape[:2]))
            self._process.stdin.write(picture.data)
            self._process.stdin.flush()
        except OSError as error:
            raise BackendError(f"MediaPipe has stopped ({self._stderr_tail()}).") from error
        return {"process": float(self._answer()["milliseconds"])}

    def close(self) -> None:
        """End the other interpreter."""
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                # It may be gone already, with a part of a frame still in the pipe.
                with suppress(OSError):
                    stream.close()
        self._process.kill()
        self._process.wait()
        self._log.close()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise BackendError(f"MediaPipe has stopped ({self._stderr_tail()}): {ADVICE}.")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise BackendError(f"MediaPipe does not start ({answer['error']}): {ADVICE}.")
        return answer

    def _stderr_tail(self) -> str:
        self._log.seek(0)
        lines = self._log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else "without a word"
