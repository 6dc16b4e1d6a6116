"""Shards: what goes in comes out, once for each epoch, whoever reads."""

from __future__ import annotations

import tarfile
from itertools import pairwise

import cv2
import numpy as np
import pytest

from hmr_live.core.errors import AssetError
from hmr_live_training.data.readers.cutting import CutConfig, cut_out
from hmr_live_training.data.readers.joint_sets import COMMON, NUM_COMMON
from hmr_live_training.data.readers.person import ImageReader, LabelledPerson, box_around
from hmr_live_training.data.readers.shards import ShardPlan, find_shards, read_shard, write_shards


def picture_with_dots(path, dots, size=(640, 480)):
    """White discs on black: where a label is, the picture can be asked."""
    image = np.zeros((size[1], size[0], 3), np.uint8)
    for x, y in dots:
        cv2.circle(image, (round(x), round(y)), 12, (255, 255, 255), -1, cv2.LINE_AA)
    assert cv2.imwrite(str(path), image)
    return path


def person(picture, subject="7", **labels):
    joints = np.zeros((NUM_COMMON, 3), np.float32)
    joints[COMMON["left_wrist"]] = 400, 100, 1
    joints[COMMON["right_ankle"]] = 200, 420, 1
    joints[COMMON["nose"]] = 300, 200, 0.5
    occluded = np.zeros(NUM_COMMON, bool)
    occluded[COMMON["nose"]] = True
    matrix = np.array([[800, 0, 320], [0, 810, 240], [0, 0, 1]], np.float32)
    values = {
        "joints_2d": joints,
        "occluded": occluded,
        "box": box_around(joints),
        "data_set": "made",
        "split": "train",
        "subject": subject,
        "intrinsics": matrix,
    }
    return LabelledPerson(picture=picture, **(values | labels))


def people(folder, count):
    path = picture_with_dots(folder / "dots.png", [(400, 100), (200, 420), (300, 200)])
    return [person(path, str(k)) for k in range(count)]


def test_labels_stay_on_their_pixels_when_a_person_is_cut_out(tmp_path):
    whole = people(tmp_path, 1)[0]
    jpeg, small = cut_out(whole, ImageReader(), CutConfig(margin=0.2, person_size=160))
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_GRAYSCALE)
    assert max(image.shape) <= 160 * 1.4 + 2
    assert small.picture == jpeg
    for name in ("left_wrist", "right_ankle", "nose"):
        x, y = small.joints_2d[COMMON[name], :2]
        dot = image[int(y) - 8 : int(y) + 10, int(x) - 8 : int(x) + 10].astype(float)
        rows, columns = np.mgrid[int(y) - 8 : int(y) + 10, int(x) - 8 : int(x) + 10]
        assert (dot * columns).sum() / dot.sum() == pytest.approx(x, abs=0.3)
        assert (dot * rows).sum() / dot.sum() == pytest.approx(y, abs=0.3)
    assert small.joints_2d[COMMON["pelvis"]].tolist() == [0, 0, 0]
    np.testing.assert_allclose(small.box, box_around(small.joints_2d), atol=1e-3)


def test_intrinsics_project_to_the_moved_labels(tmp_path):
    point = np.array([0.4, -0.7, 4.0])
    pixels = np.array([400.0, 98.25])
    whole = people(tmp_path, 1)[0]
    np.testing.assert_allclose((whole.intrinsics @ point)[:2] / point[2], pixels, atol=1e-3)
    whole.joints_2d[COMMON["left_wrist"], :2] = pixels
    _, small = cut_out(whole, ImageReader(), CutConfig(person_size=200))
    again = (small.intrinsics @ point)[:2] / point[2]
    np.testing.assert_allclose(again, small.joints_2d[COMMON["left_wrist"], :2], atol=1e-3)


def test_what_is_written_is_read(tmp_path):
    rng = np.random.default_rng(0)
    whole = person(
        people(tmp_path, 1)[0].picture,
        joints_3d=rng.normal(size=(NUM_COMMON, 4)).astype(np.float32),
        pose=rng.normal(size=(24, 3)).astype(np.float32),
        betas=rng.normal(size=10).astype(np.float32),
        transl=np.array([1, 2, 3], np.float32),
        body="smpl_male",
    )
    (path,) = write_shards([whole], tmp_path / "out", prefix="a")
    (found,) = read_shard(path)
    jpeg, small = cut_out(whole, ImageReader())
    assert found.picture == jpeg
    for name in ("joints_2d", "box", "joints_3d", "pose", "betas", "transl", "intrinsics"):
        np.testing.assert_allclose(getattr(found, name), getattr(small, name), atol=1e-5)
    np.testing.assert_array_equal(found.occluded, whole.occluded)
    assert (found.data_set, found.split, found.subject, found.body) == (
        *("made", "train", "7", "smpl_male"),
    )
    (flat,) = read_shard(write_shards(people(tmp_path, 1), tmp_path / "flat", prefix="a")[0])
    assert flat.pose is None
    assert flat.joints_3d is None


def test_layout_is_that_of_webdataset(tmp_path):
    paths = write_shards(people(tmp_path, 5), tmp_path / "out", prefix="made", per_shard=2)
    assert [p.name for p in paths] == [f"made-{k:06d}.tar" for k in range(3)]
    assert find_shards(tmp_path / "out") == paths
    with tarfile.open(paths[1]) as tar:
        names = tar.getnames()
    assert names == [f"{k:09d}.{ext}" for k in (2, 3) for ext in ("jpg", "json")]


def test_people_can_be_dealt_out_over_the_shards_at_random(tmp_path):
    everybody = people(tmp_path, 12)
    paths = write_shards(everybody, tmp_path / "out", prefix="a", per_shard=4, shuffle_seed=3)
    dealt = [[int(p.subject) for p in read_shard(path)] for path in paths]
    assert [len(part) for part in dealt] == [4, 4, 4]
    assert sorted(k for part in dealt for k in part) == list(range(12))
    assert all(part == sorted(part) for part in dealt)
    assert dealt != [list(range(k, k + 4)) for k in (0, 4, 8)]
    with pytest.raises(AssetError, match="501 shards"):
        write_shards(everybody[:1] * 501, tmp_path / "many", prefix="a", per_shard=1)


@pytest.fixture
def plan(tmp_path):
    paths = write_shards(people(tmp_path, 21), tmp_path / "out", prefix="made", per_shard=3)
    return ShardPlan(paths, seed=5, window=4)


@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_readers_together_take_every_sample_once_an_epoch(plan, ranks):
    taken = [p.subject for rank in range(ranks) for p in plan.read(1, rank, ranks)]
    assert sorted(taken, key=int) == [str(k) for k in range(21)]


def test_order_changes_with_epoch_and_seed_and_with_nothing_else(plan):
    def order(plan, epoch):
        return [p.subject for p in plan.read(epoch)]

    assert order(plan, 3) == order(plan, 3)
    assert order(plan, 3) != order(plan, 4)
    assert order(plan, 3) != order(ShardPlan(plan.shards, seed=6, window=4), 3)
    kept = order(ShardPlan(plan.shards, seed=5, window=0), 3)
    assert all(int(b) == int(a) + 1 for a, b in pairwise(kept[:3]))


def test_endless_reading_goes_on_to_the_next_epoch(plan):
    stream = plan.endless(rank=1, ranks=7)
    taken = [next(stream).subject for _ in range(6)]
    assert sorted(taken[:3]) == sorted(p.subject for p in plan.read(0, 1, 7))
    assert sorted(taken[3:]) == sorted(p.subject for p in plan.read(1, 1, 7))
    with pytest.raises(AssetError, match="7 shards for 8 readers"):
        next(plan.endless(rank=1, ranks=8))


def test_damaged_and_foreign_shards_are_reported(tmp_path, plan):
    with pytest.raises(AssetError, match=r"no \.tar shards"):
        find_shards(tmp_path)
    with pytest.raises(AssetError, match="There is no shard"):
        list(read_shard(tmp_path / "none.tar"))
    (tmp_path / "bad.tar").write_bytes(b"x" * 2000)
    with pytest.raises(AssetError, match="damaged"):
        list(read_shard(tmp_path / "bad.tar"))
    whole = plan.shards[0].read_bytes()
    (tmp_path / "half.tar").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AssetError, match="damaged"):
        list(read_shard(tmp_path / "half.tar"))
    foreign = tmp_path / "foreign.tar"
    foreign.write_bytes(whole.replace(b'"joints_2d"', b'"joints_xy"'))
    with pytest.raises(AssetError, match="another kind of sample"):
        list(read_shard(foreign))
