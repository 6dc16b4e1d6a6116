"""Every export format, with its axes and units in one place."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from hmr_live.body.model import BodyModel
from hmr_live.core.errors import ExportError
from hmr_live.export.amass import write_amass
from hmr_live.export.bvh import write_bvh
from hmr_live.export.c3d import write_c3d
from hmr_live.export.clip import MotionClip
from hmr_live.export.gltf import write_gltf
from hmr_live.export.overlay import write_overlay
from hmr_live.export.tables import write_csv, write_parquet
from hmr_live.export.trc import write_trc
from hmr_live.export.usd import write_usd
from hmr_live.export.vibe_pickle import write_smpl_pickle
from hmr_live.export.world_frame import UpAxis
from hmr_live.takes.take import Motion, Take


@dataclass(frozen=True)
class TakeRequest:
    """The input of a format that writes all people of a take into one file, as recorded.

    Attributes
    ----------
    take, motions
        The take, and the people to write.
    body
        The body model of the take.
    video
        The video that the take was made from, if given.
    rate
        Frames a second, if given.
    progress
        Called with the finished share, in [0, 1].
    """

    take: Take
    motions: Sequence[Motion]
    body: BodyModel
    video: Path | None
    rate: float | None
    progress: Callable[[float], None]


@dataclass(frozen=True)
class Format:
    """A file format.

    Attributes
    ----------
    name
        Its name for users.
    suffix
        Suffix of its files, with the dot.
    summary
        Description, with units.
    module
        Module of the optional package that it needs; empty if none.
    """

    name: str
    suffix: str
    summary: str
    module: str = field(default="", kw_only=True)

    @property
    def available(self) -> bool:
        """Whether the package that it needs is installed."""
        return not self.module or find_spec(self.module) is not None


@dataclass(frozen=True)
class ClipFormat(Format):
    """A format that holds one person, at a constant rate in an upright world.

    Attributes
    ----------
    write
        Writes the file.
    up
        Default axis that points up.
    fixed_up
        Whether no other axis is allowed.
    markers
        Whether the format can store markers.
    """

    write: Callable[[MotionClip, Path], None]
    up: UpAxis = "y"
    fixed_up: bool = False
    markers: bool = True


@dataclass(frozen=True)
class TakeFormat(Format):
    """A format that holds all people of a take, as they were recorded.

    Attributes
    ----------
    write
        Writes the file.
    """

    write: Callable[[TakeRequest, Path], None]


def _pickle(request: TakeRequest, path: Path) -> None:
    write_smpl_pickle(request.take.info, request.motions, path)


def _overlay(request: TakeRequest, path: Path) -> None:
    write_overlay(
        request.take,
        request.motions,
        request.body,
        path,
        video=request.video,
        rate=request.rate,
        progress=request.progress,
    )


#: By name, in the order in which they are listed.
FORMATS: Final[dict[str, ClipFormat | TakeFormat]] = {
    format_.name: format_
    for format_ in (
        ClipFormat(
            "npz",
            ".npz",
            "AMASS: SMPL parameters for smplx, aitviewer and research code; metres, z up",
            write=write_amass,
            up="z",
            fixed_up=True,
        ),
        TakeFormat(
            "pkl",
            ".pkl",
            "SMPL parameters as VIBE writes them; camera frame, metres, frames as recorded",
            write=_pickle,
        ),
        ClipFormat(
            "bvh",
            ".bvh",
            "BVH: skeleton for Blender and other animation programs; centimetres, rotations in "
            "the order Z X Y, y up",
            write=write_bvh,
            markers=False,
        ),
        ClipFormat(
            "glb",
            ".glb",
            "glTF 2.0: mesh, skin, joints and animation; metres, y up",
            write=write_gltf,
            fixed_up=True,
        ),
        ClipFormat(
            "usd",
            ".usd",
            "USD with UsdSkel: mesh, skin, joints and animation; metres, y up",
            write=write_usd,
            module="pxr",
        ),
        ClipFormat(
            "csv",
            ".csv",
            "CSV: table of joint angles in degrees and positions in metres, y up",
            write=write_csv,
        ),
        ClipFormat(
            "parquet",
            ".parquet",
            "Apache Parquet: the same table",
            write=write_parquet,
            module="pyarrow",
        ),
        ClipFormat(
            "trc",
            ".trc",
            "TRC: joint centres for OpenSim; millimetres, y up",
            write=write_trc,
            markers=False,
        ),
        ClipFormat(
            "c3d",
            ".c3d",
            "C3D: joint centres for biomechanics; millimetres, z up",
            write=write_c3d,
            up="z",
            module="ezc3d",
        ),
        TakeFormat(
            "mp4", ".mp4", "MP4: the video of the take with the mesh drawn over it", write=_overlay
        ),
    )
}


def format_named(name: str) -> ClipFormat | TakeFormat:
    """A format by its name.

    Raises
    ------
    ExportError
        When there is none of that name.
    """
    try:
        return FORMATS[name.lower().removeprefix(".")]
    except KeyError as error:
        raise ExportError(
            f"There is no export format {name!r}: choose one of {', '.join(FORMATS)}."
        ) from error
