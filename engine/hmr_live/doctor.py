"""``hmr-live doctor``: what this machine has, what is used and why, and what could be installed."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hmr_live.backends import BACKENDS, BackendUnavailableError, Entry, split_choice
from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.backends.precision_variants import half_precision_of
from hmr_live.backends.registry import candidates, import_module
from hmr_live.backends.timing import Timings
from hmr_live.core.errors import HmrLiveError
from hmr_live.core.machine import processor

logger = logging.getLogger(__name__)

_PACKAGES: Final = ("numpy", "opencv-python-headless", "PyQt6", "pyqtgraph", "moderngl")


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes
    ----------
    topic
        What was checked.
    found
        What was found, or why nothing was.
    good
        False when something the program needs is missing.
    advice
        What to do for more; empty when there is nothing to do.
    """

    topic: str
    found: str
    good: bool = True
    advice: str = ""


@dataclass(frozen=True)
class DoctorReport:
    """All findings, in reading order."""

    findings: tuple[Finding, ...]

    @property
    def good(self) -> bool:
        """Whether the program can run here."""
        return all(finding.good for finding in self.findings)

    def as_text(self) -> str:
        """One line for each finding."""
        width = max(len(finding.topic) for finding in self.findings)
        lines = []
        for finding in self.findings:
            mark = " " if finding.good else "!"
            advice = f" -> {finding.advice}" if finding.advice else ""
            lines.append(f"{mark} {finding.topic:<{width}}  {finding.found}{advice}")
        return "\n".join(lines)

    def as_json(self) -> str:
        """The same as JSON."""
        return json.dumps({"good": self.good, **asdict(self)}, indent=2)


def examine(
    *,
    backend: str = "auto",
    network: str | Path = "auto",
    threads: int = 1,
    measure: bool = False,
) -> DoctorReport:
    """Check everything that the program depends on; never raises.

    Parameters
    ----------
    backend, network, threads
        As for the program itself.
    measure
        Whether to time every network on every back end, whatever was measured before.
    """
    times, timings = _times(backend, network, threads, measure=measure)
    findings = [
        Finding("Python", f"{platform.python_version()}, {sys.executable}"),
        Finding("System", f"{platform.platform()}, {platform.machine()}"),
        Finding("Packages", ", ".join(_versions())),
        Finding("Processor", processor()),
        *_gpus(),
        _guarded("OpenGL", _opengl),
        _guarded("Cameras", _cameras),
        *(backend_finding(entry) for entry in BACKENDS.values() if entry.exists_here),
        *times,
        _guarded("Chosen", lambda: _chosen(backend, network, threads, timings)),
    ]
    return DoctorReport(tuple(findings))


def backend_finding(entry: Entry) -> Finding:
    """Whether one back end is installed and finds its hardware."""
    topic = f"  {entry.name}"
    try:
        version = import_module(entry).version(entry.name)
    except ImportError as error:
        if entry.nvidia and not nvidia_gpus():
            return Finding(topic, "not installed; it needs an NVIDIA GPU")
        return Finding(topic, f"not installed ({error})", advice=entry.install)
    except BackendUnavailableError as error:
        return Finding(topic, f"installed, but {error}")
    except Exception as error:  # a broken package must not end the report
        logger.debug("%s fails", entry.name, exc_info=True)
        return Finding(topic, f"broken ({error})", advice=f"reinstall it: {entry.install}")
    return Finding(topic, f"{version}: {entry.reason}")


def _versions() -> Iterator[str]:
    for package in _PACKAGES:
        try:
            yield f"{package} {importlib.metadata.version(package)}"
        except importlib.metadata.PackageNotFoundError:
            yield f"{package} missing"


def _gpus() -> list[Finding]:
    gpus = nvidia_gpus()
    if not gpus:
        return [Finding("NVIDIA GPU", "none (nvidia-smi does not answer)")]
    return [
        Finding(
            "NVIDIA GPU",
            f"{gpu.name}, driver {gpu.driver}, {gpu.memory}, compute capability "
            f"{gpu.compute_capability}",
        )
        for gpu in gpus
    ]


def _guarded(topic: str, check: Callable[[], Finding]) -> Finding:
    """The finding, or the error as a finding."""
    try:
        return check()
    except HmrLiveError as error:
        return Finding(topic, str(error), good=False)
    except Exception as error:  # whatever a broken driver raises belongs in the report
        logger.debug("%s cannot be examined", topic, exc_info=True)
        return Finding(topic, f"cannot be examined ({type(error).__name__}: {error})", good=False)


def _opengl() -> Finding:
    from hmr_live.render.offscreen import create_standalone_context, leave_context

    context = create_standalone_context()
    try:
        info = context.info
        found = f"{info['GL_RENDERER']}, {info['GL_VERSION']}"
    finally:
        context.release()
        leave_context()
    software = any(word in found.lower() for word in ("llvmpipe", "softpipe", "swrast"))
    advice = "rendered on the CPU: install this machine's graphics driver"
    return Finding("OpenGL", found, advice=advice if software else "")


def _cameras() -> Finding:
    from hmr_live.capture.devices import list_cameras

    cameras = [f"{camera.index} = {camera.name}" for camera in list_cameras()]
    return Finding(
        "Cameras",
        ", ".join(cameras) or "none",
        advice="" if cameras else "plug one in, or open a video",
    )


def _times(
    backend: str, network: str | Path, threads: int, *, measure: bool
) -> tuple[list[Finding], Timings]:
    """The table of networks and back ends, a line for each network, and what it shows."""
    from hmr_live.recovery.network_choice import (
        NETWORKS,
        TIMING_VARIABLE,
        machine_timings,
        timing_is_off,
    )

    if timing_is_off():
        off = f"not measured, because {TIMING_VARIABLE} is off"
        return [Finding("Times", off)], Timings()
    try:
        timings = machine_timings(threads, again=measure)
    except Exception as error:  # as in _guarded
        logger.debug("the networks cannot be timed", exc_info=True)
        return [Finding("Times", f"cannot be measured ({error})", good=False)], Timings()
    head = f"p50 / p95 of one inference in ms, {threads} threads; --measure times all again"
    findings = [Finding("Times", head)]
    chosen = _chosen_pair(backend, network, timings)
    findings += [Finding(f"  {name}", _row(timings, name, chosen)) for name in NETWORKS]
    findings += [
        Finding(f"  {name}", f"failed and is not used ({problem})")
        for name, problem in timings.problems.items()
    ]
    return findings, timings


def _chosen_pair(backend: str, network: str | Path, timings: Timings) -> tuple[str, str]:
    """Names of the network and the timed back end that will be used; empty if unknown."""
    from hmr_live.recovery.network_choice import AUTO, choose_network, network_path

    try:
        name, _ = split_choice(backend)
        if network == AUTO:
            network = choose_network(timings, backend=backend).name
    except HmrLiveError:  # reported where it is opened
        return "", ""
    stem = network_path(network).stem
    timed = timings.in_order([e for e in candidates() if (stem, e.name) in timings.times], stem)
    return stem, name if name != AUTO else next((entry.name for entry in timed), "")


def _row(timings: Timings, network: str, chosen: tuple[str, str]) -> str:
    cells = [
        f"{backend} {summary.p50:.1f} / {summary.p95:.1f}"
        + (" (chosen)" if (name, backend) == chosen else "")
        for (name, backend), summary in timings.times.items()
        if name == network
    ]
    return ", ".join(cells) or "not timed; --measure does it"


def _chosen(backend: str, network: str | Path, threads: int, timings: Timings) -> Finding:
    from hmr_live.recovery.network import HmrNetwork
    from hmr_live.recovery.network_choice import AUTO, choose_network, network_path

    why = "requested by name"
    if network == AUTO:
        choice = choose_network(timings, backend=backend)
        network, why = choice.name, f"{choice.reason} (a camera of 30 frames a second)"
    model = network_path(network)
    automatic = split_choice(backend)[0] == AUTO
    opened = HmrNetwork(
        model, backend=backend, threads=threads, timings=timings if automatic else None
    )
    chosen = opened.backend
    reason = _reason(chosen.name, timings) if automatic else "requested by name"
    found = (
        f"{chosen.name} ({chosen.describe()}), because: {reason}; "
        f"network {opened.name}, because: {why}"
    )
    chosen.close()
    if chosen.name.startswith("tensorrt") and half_precision_of(model) is None:
        return Finding(
            "Chosen", found, advice=f"there is no validated {model.stem}_fp16.onnx beside it"
        )
    return Finding("Chosen", found)


def _reason(backend: str, timings: Timings) -> str:
    if len(timings.backends) > 1 and backend in timings.backends:
        return "the fastest here, as timed"
    return BACKENDS[backend].reason
