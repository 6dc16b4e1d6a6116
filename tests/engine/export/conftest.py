from __future__ import annotations

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.export.clip import make_clip
from tests.engine.export.takes import cut, even_times, make_motion, make_take, uneven_times

SHAPE = np.array([1.5, -1.0, 0.5, 0.8, -0.3, 0.2, 0.0, 0.4, -0.6, 0.1])


@pytest.fixture(scope="session")
def body():
    return BodyModel.default()


@pytest.fixture(scope="session")
def clip(body):
    """Two seconds of a person who is not of the mean shape."""
    times = uneven_times(60)
    times[[0, -1]] = even_times(60)[[0, -1]]
    motion = make_motion(times, betas=SHAPE)
    return make_clip(make_take(motion), motion, body, name="walk")


@pytest.fixture(scope="session")
def clip_with_gap(body):
    """Two seconds without the person in the middle of four."""
    times = even_times(121)
    motion = make_motion(times)
    motion = cut(motion, (times < 101) | (times > 103))
    return make_clip(make_take(motion), motion, body, name="gap")
