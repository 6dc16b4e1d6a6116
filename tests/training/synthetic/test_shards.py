"""Shards of synthetic people and the command that writes them."""

import cv2
import numpy as np
import pytest

from hmr_live.core.errors import AssetError
from hmr_live.recovery.frame_camera import roll
from hmr_live_training.synthetic import SyntheticConfig, SyntheticPeople, load_shard, shard_paths
from hmr_live_training.synthetic.__main__ import main
from hmr_live_training.synthetic.shards import save_shard, write_shards
from tests.training.synthetic.synthetic_data import write_data


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def test_a_shard_gives_back_its_samples(data, tmp_path):
    people = SyntheticPeople(data, "test", SyntheticConfig(seed=3))
    samples = [people.sample(k) for k in (4, 7, 8)]
    save_shard(tmp_path / "test-00000.npz", samples, [4, 7, 8])
    shard = load_shard(shard_paths(tmp_path, "test")[0])
    with np.load(tmp_path / "test-00000.npz") as file:
        assert "region" in file.files  # the name of crop boxes on disk
    assert len(shard) == 3
    assert shard.labels["index"].tolist() == [4, 7, 8]
    for k, sample in enumerate(samples):
        for name, values in sample.labels.as_arrays().items():
            np.testing.assert_array_equal(shard.labels[name][k], values)
        assert (shard.mask(k) == sample.mask).all()
        difference = np.abs(shard.image(k).astype(int) - sample.image)
        assert difference.mean() < 6  # JPEG
    people.close()


def test_a_shard_from_before_crops_were_cameras_gets_their_labels(data, tmp_path):
    people = SyntheticPeople(data, "test", SyntheticConfig(negatives=0))
    samples = [people.sample(k) for k in range(3)]
    people.close()
    path = tmp_path / "test-00000.npz"
    save_shard(path, samples, range(3))
    with np.load(path) as file:
        arrays = dict(file)
    del arrays["crop_focal"], arrays["camera"]
    arrays["orient_seen"] = arrays["rotmats"][:, 0].copy()
    for k, box in enumerate(arrays["region"]):
        arrays["rotmats"][k, 0] = roll(-box[3]) @ arrays["orient_frame"][k]
    np.savez(path, **arrays)
    labels = load_shard(path).labels
    for k, sample in enumerate(samples):
        for name in ("rotmats", "crop_focal", "camera"):
            np.testing.assert_allclose(labels[name][k], getattr(sample.labels, name), rtol=1e-4)


def test_a_damaged_shard_says_what_to_do(tmp_path):
    path = tmp_path / "train-00000.npz"
    path.write_bytes(b"no shard")
    with pytest.raises(AssetError, match=r"hmr_live_training\.synthetic"):
        load_shard(path)


def test_the_command_writes_shards_and_a_sheet_with_labels(data, tmp_path):
    sheet = tmp_path / "sheet.png"
    arguments = ["--data", str(data), "--count", "3", "--out", str(tmp_path / "out")]
    assert main([*arguments, "--sheet", str(sheet), "--workers", "1"]) == 0
    assert len(load_shard(shard_paths(tmp_path / "out", "train")[0])) == 3
    picture = cv2.imread(str(sheet))
    rows = picture[:256], picture[256:512]
    assert not (rows[0] == rows[1]).all()


def test_the_command_says_what_to_give_when_data_are_missing(tmp_path, capsys):
    assert main(["--data", str(tmp_path), "--sheet", str(tmp_path / "sheet.png")]) == 1
    assert "--data" in capsys.readouterr().err


@pytest.mark.parametrize("workers", [1, 2])
def test_writing_stops_after_a_time(data, tmp_path, workers):
    settings = (data, "train", 4, tmp_path, SyntheticConfig(negatives=1.0))
    options = {"workers": workers, "shard_size": 2}
    assert list(write_shards(*settings, **options, seconds=0)) == []
    (tmp_path / "train-00000.npz").write_bytes(b"")
    assert [path.name for path in write_shards(*settings, **options, seconds=0)] == [
        "train-00000.npz"
    ]
    (tmp_path / "train-00000.npz").unlink()
    assert sorted(write_shards(*settings, **options)) == shard_paths(tmp_path, "train")
    assert [len(load_shard(path)) for path in shard_paths(tmp_path, "train")] == [2, 2]
