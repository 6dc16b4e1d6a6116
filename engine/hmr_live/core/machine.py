"""What computer this is."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Final

_CPU_FEATURES: Final = ("avx2", "avx512f", "avx512_vnni", "amx_bf16", "asimd")


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
