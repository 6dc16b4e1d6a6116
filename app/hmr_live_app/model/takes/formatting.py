"""Times, sizes and speeds as text."""

from __future__ import annotations


def clock(seconds: float, *, exact: bool = False) -> str:
    """``1:02:03`` or ``02:03``; with hundredths when ``exact``."""
    hundredths = int(max(seconds, 0) * 100 + 1e-6)
    whole, rest = divmod(hundredths, 100)
    minutes, second = divmod(whole, 60)
    hours, minute = divmod(minutes, 60)
    text = f"{hours}:{minute:02d}:{second:02d}" if hours else f"{minute:02d}:{second:02d}"
    return f"{text}.{rest:02d}" if exact else text


def file_size(size: int) -> str:
    """As in ``1.5 MB`` or ``20.0 kB``."""
    return f"{size / 1e6:.1f} MB" if size >= 1e6 else f"{max(size / 1e3, 0.1):.1f} kB"


def speed_text(speed: float) -> str:
    """As in ``0.25×``."""
    return f"{speed:g}×"
