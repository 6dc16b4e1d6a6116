"""How near to what was written an independent reader must come: 1 mm and 0.1 degrees.

The limits are far below that, because every format is exact up to its rounding.
"""

from __future__ import annotations

import numpy as np

from hmr_live.body.rotations import angle_between

METRES = 1e-5
RADIANS = np.deg2rad(0.01)


def assert_same_places(found, expected):
    np.testing.assert_allclose(found, expected, atol=METRES)


def assert_turned_alike(found, expected):
    assert angle_between(np.asarray(found, float), expected).max() < RADIANS
