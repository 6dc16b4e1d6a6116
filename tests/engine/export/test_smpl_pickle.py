"""SMPL pickles in VIBE's layout."""

from __future__ import annotations

import pickle

import numpy as np

from hmr_live.export.vibe_pickle import write_smpl_pickle
from tests.engine.export.conftest import SHAPE
from tests.engine.export.takes import even_times, make_motion, make_take


def test_pickle_has_vibe_layout_and_its_cameras_put_the_body_where_it_was(tmp_path):
    take = make_take(
        make_motion(even_times(8), betas=SHAPE), make_motion(even_times(5), track_id=3)
    )
    write_smpl_pickle(take.info, take.motions, tmp_path / "a.pkl")
    people = pickle.loads((tmp_path / "a.pkl").read_bytes())
    assert set(people) == {0, 3}
    person, motion = people[0], take.motions[0]
    np.testing.assert_array_equal(person["pose"], motion.pose.reshape(8, 72))
    np.testing.assert_array_equal(person["trans"], motion.transl)
    assert people[3]["frame_ids"].tolist() == [0, 1, 2, 3, 4]
    # VIBE: full-frame x = sx (X + tx) in [-1, 1], and the same in the box by pred_cam.
    points = motion.joints - motion.transl[:, None]
    sx, sy, tx, ty = person["orig_cam"].T[:, :, None]
    frame = np.stack([sx * (points[..., 0] + tx), sy * (points[..., 1] + ty)], axis=-1)
    pixels = (frame + 1) * np.array([640, 480]) / 2
    scale = (motion.focal_length / motion.transl[:, 2])[:, None, None]
    expected = motion.joints[..., :2] * scale + [320, 240]
    np.testing.assert_allclose(pixels, expected, atol=0.01)
    s, tx, ty = person["pred_cam"].T[:, :, None]
    crop = np.stack([s * (points[..., 0] + tx), s * (points[..., 1] + ty)], axis=-1)
    box = person["bboxes"][:, None]
    np.testing.assert_allclose(crop * box[..., 2:] / 2 + box[..., :2], expected, atol=0.01)


def test_pickle_can_be_read_by_numpy_1(tmp_path):
    """No name of numpy 2 is in it, arrays can be written to, and protocol 2 is old enough."""
    write_smpl_pickle(make_take().info, [make_motion(even_times(3))], tmp_path / "a.pkl")
    data = (tmp_path / "a.pkl").read_bytes()
    assert b"numpy._core" not in data
    assert data[:2] == b"\x80\x02"
    assert pickle.loads(data)[0]["pose"].flags.writeable
