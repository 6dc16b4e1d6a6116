"""What ships, for tests that look at all of it."""

from __future__ import annotations

from typing import Final

from hmr_live.core.assets import asset_path

#: Every network by name, such as ``full``.
NETWORKS: Final = tuple(
    sorted(path.stem for path in asset_path("networks", "full.onnx").parent.glob("*.onnx"))
)
#: Those that recover bodies.
BODY_NETWORKS: Final = tuple(name for name in NETWORKS if name != "person_detector")
