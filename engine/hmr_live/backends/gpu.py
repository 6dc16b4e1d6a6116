"""The NVIDIA GPUs of this machine, as their driver's own tool lists them."""

from __future__ import annotations

import logging
import subprocess
from dataclasses import dataclass
from functools import cache

logger = logging.getLogger(__name__)

_QUERY = "name,driver_version,memory.total,compute_cap"
_TIMEOUT_S = 10


@dataclass(frozen=True)
class NvidiaGpu:
    """One GPU.

    Attributes
    ----------
    name, driver, compute_capability
        As the driver says.
    memory
        All of it, as text with its unit.
    """

    name: str
    driver: str
    memory: str
    compute_capability: str


@cache
def nvidia_gpus() -> tuple[NvidiaGpu, ...]:
    """GPUs that ``nvidia-smi`` lists; none when there is no driver."""
    try:
        ended = subprocess.run(
            ["nvidia-smi", f"--query-gpu={_QUERY}", "--format=csv,noheader"],
            capture_output=True,
            text=True,
            timeout=_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError) as error:
        logger.debug("nvidia-smi does not answer: %s", error)
        return ()
    return parse_gpus(ended.stdout)


def parse_gpus(text: str) -> tuple[NvidiaGpu, ...]:
    """Read the lines of ``nvidia-smi``; lines of another form are left out."""
    rows = [[cell.strip() for cell in line.split(",")] for line in text.splitlines()]
    return tuple(NvidiaGpu(*row) for row in rows if len(row) == 4)


def driver_version() -> str | None:
    """Version of the NVIDIA driver, or None when there is none."""
    gpus = nvidia_gpus()
    return gpus[0].driver if gpus else None
