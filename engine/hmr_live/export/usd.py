"""USD with UsdSkel (binary ``.usd``): skeleton, skinned mesh and animation; metres.

The stage says which axis is up and what a unit is.  As in glTF, the betas are in the mesh at rest
and pose correctives are left out (see :mod:`hmr_live.export.rig`).  The take's markers are the
animation's custom data: ``markers:times`` in seconds since the first frame, ``markers:labels``.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.skeleton import JOINT_NAMES, NUM_JOINTS, PARENTS
from hmr_live.core.errors import ExportError
from hmr_live.core.optional_packages import import_package
from hmr_live.export.clip import MotionClip
from hmr_live.export.rig import INFLUENCES, ExportRig, Skin, quaternions
from hmr_live.takes.take import Marker

Floats = NDArray[np.floating[Any]]

_ROOT: Final = "/person"
_SKELETON, _MOTION, _BODY = f"{_ROOT}/skeleton", f"{_ROOT}/motion", f"{_ROOT}/body"
#: Metres by which the skin may reach beyond the joints.
_REACH: Final = 0.3


def write_usd(clip: MotionClip, path: Path) -> None:
    """Write a clip.

    Raises
    ------
    ExportError
        When usd-core is not installed.
    OSError
        When the disk refuses.
    """
    stage = _Stage(clip)
    rig = ExportRig.of(clip)
    stage.add_skeleton(rig)
    stage.add_motion(rig)
    stage.add_markers(clip.markers)
    stage.add_mesh(Skin.of(clip))
    stage.save(path)


class _Stage:
    """A USD stage in memory, with the modules of usd-core that fill it."""

    def __init__(self, clip: MotionClip) -> None:
        self._geometry, self._skel = _module("UsdGeom"), _module("UsdSkel")
        self._vt, self._gf = _module("Vt"), _module("Gf")
        # usd-core brings no types.
        self._stage: Any = _module("Usd").Stage.CreateInMemory()
        self._geometry.SetStageUpAxis(self._stage, clip.up.upper())
        self._geometry.SetStageMetersPerUnit(self._stage, 1.0)
        self._stage.SetTimeCodesPerSecond(clip.rate)
        self._stage.SetFramesPerSecond(clip.rate)
        self._stage.SetStartTimeCode(0)
        self._stage.SetEndTimeCode(len(clip) - 1)
        self._stage.GetRootLayer().comment = (
            f"SMPL skeleton, body {clip.body.name}; linear blend skinning without SMPL's pose "
            "correctives"
        )
        root = self._skel.Root.Define(self._stage, _ROOT)
        root.CreateExtentAttr(_extent(clip.joints.reshape(-1, 3), _REACH))
        self._stage.SetDefaultPrim(root.GetPrim())

    def add_skeleton(self, rig: ExportRig) -> None:
        """The joints at rest."""
        skeleton = self._skel.Skeleton.Define(self._stage, _SKELETON)
        skeleton.CreateJointsAttr(_JOINT_PATHS)
        for create, places in (
            (skeleton.CreateBindTransformsAttr, rig.rest),
            (skeleton.CreateRestTransformsAttr, _offsets(rig)),
        ):
            create([self._gf.Matrix4d(1.0).SetTranslate(tuple(p)) for p in places.tolist()])
        binding = self._skel.BindingAPI.Apply(skeleton.GetPrim())
        binding.CreateAnimationSourceRel().SetTargets([_MOTION])

    def add_motion(self, rig: ExportRig) -> None:
        """Translations and rotations of every frame; UsdSkel wants them for all joints."""
        motion = self._skel.Animation.Define(self._stage, _MOTION)
        motion.CreateJointsAttr(_JOINT_PATHS)
        motion.CreateScalesAttr(self._vt.Vec3hArray.FromNumpy(np.ones((NUM_JOINTS, 3), np.half)))
        translations, rotations = motion.CreateTranslationsAttr(), motion.CreateRotationsAttr()
        turns = quaternions(rig.rotmats).astype(np.float32)
        places = np.tile(_offsets(rig), (len(turns), 1, 1)).astype(np.float32)
        places[:, 0] = rig.pelvis
        for frame in range(len(turns)):
            translations.Set(self._vt.Vec3fArray.FromNumpy(places[frame]), frame)
            rotations.Set(self._vt.QuatfArray.FromNumpy(turns[frame]), frame)

    def add_markers(self, markers: Sequence[Marker]) -> None:
        """Moments that somebody marked, beside the animation."""
        if markers:
            motion = self._stage.GetPrimAtPath(_MOTION)
            times = self._vt.DoubleArray([marker.time for marker in markers])
            labels = self._vt.StringArray([marker.label for marker in markers])
            motion.SetCustomDataByKey("markers:times", times)
            motion.SetCustomDataByKey("markers:labels", labels)

    def add_mesh(self, skin: Skin) -> None:
        """The skin at rest, bound to the skeleton."""
        mesh = self._geometry.Mesh.Define(self._stage, _BODY)
        mesh.CreatePointsAttr(self._vt.Vec3fArray.FromNumpy(skin.vertices))
        mesh.CreateNormalsAttr(self._vt.Vec3fArray.FromNumpy(skin.normals))
        mesh.SetNormalsInterpolation(self._geometry.Tokens.vertex)
        integers = self._vt.IntArray.FromNumpy
        mesh.CreateFaceVertexCountsAttr(integers(np.full(len(skin.faces), 3, np.int32)))
        mesh.CreateFaceVertexIndicesAttr(integers(skin.faces.reshape(-1).astype(np.int32)))
        mesh.CreateSubdivisionSchemeAttr(self._geometry.Tokens.none)
        mesh.CreateExtentAttr(_extent(skin.vertices))
        binding = self._skel.BindingAPI.Apply(mesh.GetPrim())
        binding.CreateSkeletonRel().SetTargets([_SKELETON])
        indices = integers(skin.joints.reshape(-1).astype(np.int32))
        binding.CreateJointIndicesPrimvar(False, INFLUENCES).Set(indices)
        weights = self._vt.FloatArray.FromNumpy(skin.weights.reshape(-1))
        binding.CreateJointWeightsPrimvar(False, INFLUENCES).Set(weights)

    def save(self, path: Path) -> None:
        """Write the file; raises OSError when USD does not."""
        if not self._stage.GetRootLayer().Export(str(path)):
            raise OSError(f"USD did not write {path.name}")


def _module(name: str) -> ModuleType:
    return import_package(
        f"pxr.{name}", "usd-core", "The USD export", extra="export", error=ExportError
    )


def _joint_path(joint: int) -> str:
    """UsdSkel names a joint by its way from the root."""
    parent = PARENTS[joint]
    return f"{_joint_path(parent)}/{JOINT_NAMES[joint]}" if parent >= 0 else JOINT_NAMES[joint]


_JOINT_PATHS: Final = [_joint_path(joint) for joint in range(NUM_JOINTS)]


def _offsets(rig: ExportRig) -> Floats:
    """``(24, 3)`` rest joints relative to the parent joint."""
    offsets = rig.rest.copy()
    offsets[1:] -= rig.rest[list(PARENTS[1:])]
    return offsets


def _extent(points: Floats, margin: float = 0.0) -> list[tuple[float, ...]]:
    low, high = points.min(axis=0) - margin, points.max(axis=0) + margin
    return [tuple(low.tolist()), tuple(high.tolist())]
