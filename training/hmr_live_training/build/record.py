"""What has been done in a work folder, so that a build goes on after a break."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hmr_live.core.assets import sha256_of
from hmr_live.core.errors import AssetError
from hmr_live_training.onnx_tools.onnx_files import write_atomically


@dataclass
class StageRecord:
    """One stage that was begun.

    Attributes
    ----------
    digest
        Of its settings and of everything before it.
    finished
        Whether it came to its end.
    seconds
        It took, all attempts together.
    results
        Counts and figures.
    """

    digest: str
    finished: bool = False
    seconds: float = 0.0
    results: dict[str, Any] = field(default_factory=dict)


class BuildRecord:
    """The stages that were begun, by name, kept in a JSON file.

    Parameters
    ----------
    path
        The file; made at the first change.

    Raises
    ------
    AssetError
        When the file is there and is no such record.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.stages: dict[str, StageRecord] = {}
        if not path.exists():
            return
        try:
            content = json.loads(path.read_text())
            self.stages = {name: StageRecord(**row) for name, row in content["stages"].items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise AssetError(
                f"{path} is damaged; delete it, and the build begins anew in that folder."
            ) from error

    def save(self) -> None:
        """Write the record, replacing the file at once."""
        rows = {name: asdict(row) for name, row in self.stages.items()}
        write_atomically(self._path, (json.dumps({"stages": rows}, indent=1) + "\n").encode())


def digest_of(*parts: object) -> str:
    """Digest of anything that JSON can hold, paths as text."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def data_digest(data: Path) -> str:
    """Digest of a data folder: label and motion files by content, pictures by name and size."""
    labels = [
        p for name in ("lspet_224", "cmu_smpl24", "cmu_extra") for p in (data / name).glob("*.npz")
    ]
    rows = [(path.name, sha256_of(path)) for path in sorted(labels)]
    for folder in ("backgrounds_hdri_crops", "backgrounds_coco_cc", "clothing_patches_192"):
        pictures = sorted((data / folder).rglob("*.jpg"))
        rows += [(path.name, str(path.stat().st_size)) for path in pictures]
    return digest_of(rows)
