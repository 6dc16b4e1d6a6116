"""Pose correctives of an SMPL body: displacements that are linear in the pose feature.

Dense they are a (207, 3 V) matrix of which every number is read for every frame: 17 MB for SMPL.
On a body whose correctives act locally (a knee moves vertices round the knee and no others) most
of them are exact zeros, and multiplying only the rest is several times faster.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]

#: Up to this share of (joint, coordinate) pairs that are not zero, skipping the zeros pays.
_LOCAL_SHARE = 0.25


class PoseCorrectives(Protocol):
    """Adds the correctives of a pose to a body."""

    def add_to(self, rest: FloatArray, feature: FloatArray) -> None:
        """Add to ``rest``, all x, then all y, then all z, ``(3 V,)``, in place.

        ``feature`` is the pose feature, ``(207,)``.
        """


def pose_correctives(posedirs: FloatArray) -> PoseCorrectives:
    """Choose the faster form for these ``posedirs``, ``(V, 3, 207)``; the results are equal."""
    _, reached = _by_joint(posedirs)
    if reached.mean() > _LOCAL_SHARE:
        return DenseCorrectives(posedirs)
    return LocalCorrectives(posedirs)


def _by_joint(posedirs: FloatArray) -> tuple[FloatArray, NDArray[np.bool_]]:
    """Sort by joint, ``(23, 9, 3 V)``, and say which coordinates each moves, ``(23, 3 V)``."""
    by_joint = posedirs.transpose(2, 1, 0).reshape(posedirs.shape[2] // 9, 9, -1)
    return by_joint, np.any(by_joint != 0, axis=1)


class DenseCorrectives:
    """One product with the whole matrix, for bodies whose correctives reach everywhere."""

    def __init__(self, posedirs: FloatArray) -> None:
        self._matrix = np.ascontiguousarray(posedirs.transpose(2, 1, 0)).reshape(
            posedirs.shape[2], -1
        )

    def add_to(self, rest: FloatArray, feature: FloatArray) -> None:
        """See :class:`PoseCorrectives`."""
        rest += feature @ self._matrix


class LocalCorrectives:
    """One small product for each joint, over the coordinates that the joint reaches."""

    def __init__(self, posedirs: FloatArray) -> None:
        by_joint, reached = _by_joint(posedirs)
        #: (slice of the feature, its matrix, where its products go in the list of all)
        self._blocks: list[tuple[slice, FloatArray, slice]] = []
        end = 0
        for joint in np.flatnonzero(reached.any(axis=1)).tolist():
            block = np.ascontiguousarray(by_joint[joint][:, reached[joint]])
            start, end = end, end + block.shape[1]
            self._blocks.append((slice(9 * joint, 9 * joint + 9), block, slice(start, end)))
        self._coordinates = np.nonzero(reached)[1]
        self._size = end

    def add_to(self, rest: FloatArray, feature: FloatArray) -> None:
        """See :class:`PoseCorrectives`."""
        products = np.empty(self._size, np.float32)
        for part, block, place in self._blocks:
            np.dot(feature[part], block, out=products[place])
        # Several joints reach the same coordinate; bincount sums them in one pass.
        rest += np.bincount(self._coordinates, weights=products, minlength=len(rest))
