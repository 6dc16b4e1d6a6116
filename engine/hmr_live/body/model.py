"""The SMPL body (Loper et al. 2015) in numpy: pose and shape in, vertices and joints out.

``vertices = sum_j w_j A_j(theta, beta) (template + shapes beta + correctives f(theta))`` with
``f`` the pose feature.  Everything is in the body's own frame of :mod:`.skeleton`, turned
by joint 0's rotation; the translation is the caller's to add.

Speed comes from three choices.  Arrays are kept as ``(components, V)``, so that every step is one
long product; the kinematic chain is walked level by level, not joint by joint; the pose
correctives of bodies on which they act locally skip the vertices that a joint does not reach.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from hmr_live.body.model_file import BodyFile, FloatArray, read_body_file
from hmr_live.body.pose_correctives import pose_correctives
from hmr_live.body.skeleton import NUM_BETAS, NUM_JOINTS, PARENTS
from hmr_live.core.assets import asset_path

#: The shipped body that is used when none is named.
DEFAULT_BODY = ("body", "open_body.npz")

AnyFloats = NDArray[np.floating[Any]]
_Scalar = TypeVar("_Scalar", bound=np.generic)


@dataclass(frozen=True, slots=True)
class BodyMesh:
    """A posed body without translation, metres.

    Attributes
    ----------
    vertices
        ``(V, 3)`` float32.
    joints
        ``(24, 3)`` float32, the posed positions of the skeleton's joints.
    """

    vertices: FloatArray
    joints: FloatArray


class BodyModel:
    """A body model in SMPL format.

    Poses carry over from one body file to another, betas do not: every file has a shape space of
    its own, so set them to zero or fit them again when the body changes.

    One object may be used from several threads at once: its arrays are read-only and each
    thread works in buffers of its own.

    Parameters
    ----------
    file
        Checked content of a body file, see :func:`hmr_live.body.model_file.read_body_file`.

    Attributes
    ----------
    v_template, faces, shapedirs, posedirs, weights, j_regressor, vertex_ids
        As in :class:`hmr_live.body.model_file.BodyFile`; read-only.
    name, licence, sha256
        Which body this is.
    """

    def __init__(self, file: BodyFile) -> None:
        self.v_template = _frozen(file.v_template)
        self.faces = _frozen(file.faces)
        self.shapedirs = _frozen(file.shapedirs)
        self.posedirs = _frozen(file.posedirs)
        self.weights = _frozen(file.weights)
        self.j_regressor = _frozen(file.j_regressor)
        self.vertex_ids = dict(file.vertex_ids)
        self.name = file.name
        self.licence = file.licence
        self.sha256 = file.sha256

        # Row 10 is the template, so that one product with (betas, 1) gives the shaped body.
        basis = np.concatenate([self.shapedirs, self.v_template[:, :, None]], axis=2)
        self._vertex_basis = _frozen(basis.transpose(2, 1, 0).reshape(NUM_BETAS + 1, -1))
        self._joint_basis = _frozen(_joint_basis(self.j_regressor, basis))
        self._weights_by_joint = _frozen(self.weights.T)
        self._correctives = pose_correctives(self.posedirs)
        self._buffers = threading.local()

    @classmethod
    def load(cls, path: Path | str) -> BodyModel:
        """Load a body file: this project's ``.npz``, or an official SMPL ``.npz`` or ``.pkl``.

        Raises
        ------
        AssetError
            If the file cannot be read or is not an SMPL body; the message says why.
        """
        return cls(read_body_file(path))

    @classmethod
    def default(cls) -> BodyModel:
        """Load the openly licensed body that ships with the program.

        Raises
        ------
        AssetError
            The installation is damaged.
        """
        return cls.load(asset_path(*DEFAULT_BODY))

    @property
    def num_vertices(self) -> int:
        """Number of vertices V."""
        return len(self.v_template)

    def rest_joints(self, betas: AnyFloats) -> FloatArray:
        """Joints of the shaped body in the T-pose, ``(10,)`` -> ``(24, 3)`` metres."""
        rest = _with_one(betas) @ self._joint_basis[:, : 3 * NUM_JOINTS]
        return np.asarray(rest.reshape(NUM_JOINTS, 3))

    def joints(self, rotmats: AnyFloats, betas: AnyFloats) -> FloatArray:
        """Posed joints, without translation.

        Parameters
        ----------
        rotmats
            Rotations relative to the parent joint, ``(24, 3, 3)``.
        betas
            Shape, ``(10,)``.

        Returns
        -------
        NDArray
            ``(24, 3)`` metres.
        """
        return self._walk(rotmats, _with_one(betas))[1][:, :3, 3].copy()

    def skinning_transforms(self, rotmats: AnyFloats, betas: AnyFloats) -> FloatArray:
        """Return A, ``(24, 4, 4)``: posed vertex = sum_j weights[v, j] * A[j] @ rest vertex.

        The rest vertex is the shaped one with the pose correctives added.
        """
        return self._pose_chain(rotmats, _with_one(betas))[1].copy()

    def pose_feature(self, rotmats: AnyFloats) -> FloatArray:
        """Return what drives the correctives: (R_1 .. R_23) - I, row-major, ``(207,)``."""
        return np.asarray((_rotations(rotmats)[1:] - _IDENTITY).reshape(-1))

    def forward(self, rotmats: AnyFloats, betas: AnyFloats) -> BodyMesh:
        """Vertices and joints of a pose and shape, without translation.

        Parameters
        ----------
        rotmats
            Rotations relative to the parent joint, ``(24, 3, 3)``.
        betas
            Shape, ``(10,)``.
        """
        vertices, joints = self._skin(rotmats, _with_one(betas))
        return BodyMesh(np.ascontiguousarray(vertices.T), joints.copy())

    def surface(
        self, rotmats: AnyFloats, betas: AnyFloats, normals: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Vertices of a pose and shape, and normals that are turned with them.

        Parameters
        ----------
        rotmats, betas
            See :meth:`forward`.
        normals
            Of the resting body, ``(3, V)``.

        Returns
        -------
        tuple
            Vertices ``(3, V)``, metres, without translation, and normals ``(3, V)``, which have
            no unit length.  Both lie in this thread's buffers: the next call overwrites them.
        """
        vertices, _ = self._skin(rotmats, _with_one(betas))
        work = self._work()
        mixed = work.mixed.reshape(3, 4, -1)[:, :3]
        np.multiply(mixed, normals, out=work.terms)
        return vertices, np.sum(work.terms, axis=1, out=work.turned)

    def _skin(self, rotmats: AnyFloats, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Vertices ``(3, V)`` and joints ``(24, 3)``, in this thread's buffers."""
        work = self._work()
        joints, transforms = self._pose_chain(rotmats, coefficients)

        np.dot(coefficients, self._vertex_basis, out=work.rest)
        self._correctives.add_to(work.rest, self.pose_feature(rotmats))

        # The upper 3 x 4 of every transform, mixed for every vertex: (12, 24) @ (24, V).
        upper = transforms.reshape(NUM_JOINTS, 16)[:, :12]
        np.matmul(upper.T, self._weights_by_joint, out=work.mixed)
        mixed = work.mixed.reshape(3, 4, -1)
        np.multiply(mixed[:, :3], work.rest.reshape(3, -1), out=work.terms)
        posed = mixed[:, 3]
        for axis in range(3):
            posed += work.terms[:, axis]
        return posed, joints

    def _pose_chain(
        self, rotmats: AnyFloats, coefficients: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Posed joints and skinning transforms, in this thread's buffers.

        ``A_j = G_j [I | -rest_j]``.
        """
        rest, world = self._walk(rotmats, coefficients)
        transforms, positions = self._work().transforms, world[:, :3, 3]
        transforms[:, :3, :3] = world[:, :3, :3]
        moved_rest = np.matmul(world[:, :3, :3], rest[:, :, None])[:, :, 0]
        np.subtract(positions, moved_rest, out=transforms[:, :3, 3])
        return positions, transforms

    def _walk(self, rotmats: AnyFloats, coefficients: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Walk the kinematic tree: rest joints and world transforms, in this thread's buffers.

        ``G_j = G_parent(j) [R_j | rest_j - rest_parent(j)]``.
        """
        work = self._work()
        np.dot(coefficients, self._joint_basis, out=work.skeleton)
        rest, offsets = work.skeleton.reshape(2, NUM_JOINTS, 3)
        local, world = work.local, work.world
        local[:, :3, :3] = _rotations(rotmats)
        local[:, :3, 3] = offsets
        world[0] = local[0]
        for parents, children in _LEVELS:
            np.matmul(world[parents], local[children], out=world[children])
        return rest, world

    def _work(self) -> _Work:
        work: _Work | None = getattr(self._buffers, "work", None)
        if work is None:
            work = self._buffers.work = _Work(self.num_vertices)
        return work


class _Work:
    """Buffers of one thread, so that a frame allocates only its results."""

    def __init__(self, count: int) -> None:
        homogeneous = np.tile(np.eye(4, dtype=np.float32), (NUM_JOINTS, 1, 1))
        self.local = homogeneous.copy()
        self.world = homogeneous.copy()
        self.transforms = homogeneous.copy()
        self.skeleton = np.empty(2 * NUM_JOINTS * 3, np.float32)
        self.rest = np.empty(3 * count, np.float32)
        self.mixed = np.empty((12, count), np.float32)
        self.terms = np.empty((3, 3, count), np.float32)
        self.turned = np.empty((3, count), np.float32)


_IDENTITY = np.eye(3, dtype=np.float32)


def _levels() -> list[tuple[slice | list[int], slice]]:
    """Joints of equal depth as (parents, children): their transforms are one batched product.

    SMPL's order is by depth, so children are always a slice, and parents often are one.
    """
    depth = [0] * NUM_JOINTS
    for joint in range(1, NUM_JOINTS):
        depth[joint] = depth[PARENTS[joint]] + 1
    levels: list[tuple[slice | list[int], slice]] = []
    for level in range(1, max(depth) + 1):
        children = [joint for joint in range(NUM_JOINTS) if depth[joint] == level]
        parents = [PARENTS[joint] for joint in children]
        consecutive = parents == list(range(parents[0], parents[0] + len(parents)))
        levels.append(
            (
                slice(parents[0], parents[-1] + 1) if consecutive else parents,
                slice(children[0], children[-1] + 1),
            )
        )
    return levels


_LEVELS = _levels()


def _joint_basis(j_regressor: FloatArray, vertex_basis: FloatArray) -> FloatArray:
    """Rest joints and bone offsets as linear functions of (betas, 1): ``(11, 2 * 24 * 3)``."""
    rest = np.einsum("jv,vck->kjc", j_regressor.astype(np.float64), vertex_basis.astype(np.float64))
    offsets = rest.copy()
    offsets[:, 1:] -= rest[:, PARENTS[1:]]
    return np.concatenate([rest, offsets], axis=1).reshape(len(rest), -1).astype(np.float32)


def _frozen(array: NDArray[_Scalar]) -> NDArray[_Scalar]:
    result = np.ascontiguousarray(array)
    result.flags.writeable = False
    return result


def _rotations(rotmats: AnyFloats) -> FloatArray:
    if rotmats.shape != (NUM_JOINTS, 3, 3):
        raise ValueError(f"rotmats must be ({NUM_JOINTS}, 3, 3), not {rotmats.shape}")
    return np.asarray(rotmats, np.float32)


def _with_one(betas: AnyFloats) -> FloatArray:
    if betas.shape != (NUM_BETAS,):
        raise ValueError(f"betas must be ({NUM_BETAS},), not {betas.shape}")
    coefficients = np.ones(NUM_BETAS + 1, np.float32)
    coefficients[:NUM_BETAS] = betas
    return coefficients
