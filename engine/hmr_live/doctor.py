"""``hmr-live doctor``: what this machine has, what is used and why, and what could be installed."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from hmr_live.backends import BACKENDS, BackendUnavailableError, Entry, split_choice
from hmr_live.backends.gpu import nvidia_gpus
from hmr_live.backends.precision_variants import half_precision_of
from hmr_live.backends.registry import import_module
from hmr_live.core.errors import HmrLiveError

logger = logging.getLogger(__name__)

_PACKAGES: Final = ("numpy", "opencv-python-headless", "PyQt6", "pyqtgraph", "moderngl")
_CPU_FEATURES: Final = ("avx2", "avx512f", "avx512_vnni", "amx_bf16", "asimd")


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
    *, backend: str = "auto", network: Path | None = None, threads: int = 1
) -> DoctorReport:
    """Check everything that the program depends on; never raises.

    Parameters
    ----------
    backend, network, threads
        As for the program itself.
    """
    findings = [
        Finding("Python", f"{platform.python_version()}, {sys.executable}"),
        Finding("System", f"{platform.platform()}, {platform.machine()}"),
        Finding("Packages", ", ".join(_versions())),
        Finding("Processor", processor()),
        *_gpus(),
        _guarded("OpenGL", _opengl),
        _guarded("Cameras", _cameras),
        *(backend_finding(entry) for entry in BACKENDS.values() if entry.exists_here),
        _guarded("Chosen", lambda: _chosen(backend, network, threads)),
    ]
    return DoctorReport(tuple(findings))


def processor() -> str:
    """Name, number of cores, and the instruction sets that matter for inference."""
    name, features = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.is_file():
        fields: dict[str, str] = {}
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            fields.setdefault(key.strip(), value.strip())
        name = fields.get("model name", name)
        flags = fields.get("flags", fields.get("Features", "")).split()
        features = " ".join(feature for feature in _CPU_FEATURES if feature in flags)
    return f"{name}, {os.cpu_count()} cores" + (f", {features}" if features else "")


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


def _chosen(backend: str, network: Path | None, threads: int) -> Finding:
    from hmr_live.core.assets import asset_path
    from hmr_live.recovery.network import DEFAULT_NETWORK, HmrNetwork

    opened = HmrNetwork(network, backend=backend, threads=threads)
    model = network or asset_path(*DEFAULT_NETWORK)
    chosen = opened.backend
    automatic = split_choice(backend)[0] == "auto"
    reason = BACKENDS[chosen.name].reason if automatic else "requested by name"
    found = f"{chosen.name} ({chosen.describe()}) for {opened.name}, because: {reason}"
    chosen.close()
    if chosen.name.startswith("tensorrt") and half_precision_of(model) is None:
        return Finding(
            "Chosen", found, advice=f"there is no validated {model.stem}_fp16.onnx beside it"
        )
    return Finding("Chosen", found)
