"""Where the program keeps what it can make again: compiled networks and measured times."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

#: Names another cache folder, for machines whose home is small or read-only.
FOLDER_VARIABLE: Final = "HMR_LIVE_CACHE"


def cache_folder() -> Path:
    """The user's cache folder, or the one that :data:`FOLDER_VARIABLE` names; may not exist."""
    root = os.environ.get(FOLDER_VARIABLE)
    return Path(root) if root else user_cache_path("hmr-live", appauthor=False)
