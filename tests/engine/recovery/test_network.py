import json
import shutil

import numpy as np
import pytest

from hmr_live.backends import open_backend
from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path, read_manifest
from hmr_live.core.errors import AssetError, BackendError
from hmr_live.core.state import CropBox
from hmr_live.recovery.crop import crop_image
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.frame_camera import default_focal_length
from hmr_live.recovery.network import HmrNetwork
from tests.shipped import NETWORKS

IMAGE = np.random.default_rng(0).integers(0, 255, (240, 320, 3), np.uint8)
REGIONS = [CropBox(160, 120, 200, 0.1), CropBox(100, 100, 120, -0.4)]


@pytest.fixture
def copied(tmp_path):
    """The shipped network in a folder where it may be harmed."""
    for suffix in (".onnx", ".json"):
        shutil.copy(asset_path("networks", "full" + suffix), tmp_path)
    return tmp_path / "full.onnx"


@pytest.mark.parametrize("name", NETWORKS)
def test_the_shipped_networks_match_their_manifests(name):
    manifest = read_manifest(asset_path("networks", f"{name}.onnx"))
    assert manifest["licence"]
    backend = open_backend(asset_path("networks", f"{name}.onnx"))
    height, width = manifest["input"]["size"]
    perspective = manifest.get("camera") == "perspective"
    assert backend.reads_focal == perspective
    focal = np.full((1, 1), 4.0, np.float32) if perspective else None
    outputs = backend.run(np.zeros((1, 3, height, width), np.float32), focal)
    assert set(manifest["outputs"]) == set(outputs)


@pytest.mark.parametrize("camera", ["weak_perspective", None])
def test_a_manifest_of_another_export_is_refused(copied, camera):
    path = copied.with_suffix(".json")
    manifest = json.loads(path.read_text()) | {"camera": camera}
    path.write_text(json.dumps(manifest))
    with pytest.raises(AssetError, match=r"full\.onnx and its manifest disagree.*focal"):
        HmrNetwork(copied, backend="onnxruntime")


def test_a_batch_gives_what_single_crops_give():
    network = HmrNetwork()
    both = network.run(IMAGE, REGIONS)
    for crop_box, together in zip(REGIONS, both, strict=True):
        (alone,) = network.run(IMAGE, [crop_box])
        np.testing.assert_allclose(together.rotmats, alone.rotmats, atol=1e-4)
        np.testing.assert_allclose(together.camera, alone.camera, atol=1e-4)


def test_outputs_are_rotations_probabilities_and_ten_betas():
    for output in HmrNetwork().run(IMAGE, REGIONS):
        product = output.rotmats @ np.swapaxes(output.rotmats, 1, 2)
        np.testing.assert_allclose(product, np.broadcast_to(np.eye(3), (24, 3, 3)), atol=1e-5)
        assert output.betas.shape == (10,)
        assert 0 <= output.score <= 1
        assert ((output.confidence >= 0) & (output.confidence <= 1)).all()


def test_the_crop_is_rgb_between_zero_and_one():
    blue = np.zeros((50, 50, 3), np.uint8)
    blue[..., 0] = 255
    crop = HmrNetwork().crop(blue, [CropBox(25, 25, 50)])
    assert crop.shape == (1, 3, 256, 256)
    np.testing.assert_allclose(crop[0].mean(axis=(1, 2)), [0, 0, 1])


def test_a_damaged_network_is_refused(copied):
    data = bytearray(copied.read_bytes())
    data[1000] ^= 255
    copied.write_bytes(data)
    with pytest.raises(AssetError, match="SHA-256 differs"):
        HmrNetwork(copied)


def test_a_network_without_a_manifest_is_refused(copied):
    copied.with_suffix(".json").unlink()
    with pytest.raises(AssetError, match="has no manifest"):
        HmrNetwork(copied)


@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_manifest_that_is_none_is_refused(copied, text):
    copied.with_suffix(".json").write_text(text)
    with pytest.raises(AssetError, match="export"):
        HmrNetwork(copied)


def test_a_network_of_another_kind_is_refused():
    with pytest.raises(AssetError, match="not an HMR network"):
        HmrNetwork(asset_path("networks", "person_detector.onnx"))


def test_a_file_that_is_no_network_is_refused(tmp_path):
    path = tmp_path / "text.onnx"
    path.write_text("not a network")
    with pytest.raises(BackendError, match="cannot be run"):
        open_backend(path)


def test_an_unknown_back_end_is_refused():
    with pytest.raises(BackendError, match="choose one of auto, onnxruntime"):
        HmrNetwork(backend="abacus")


def test_a_manifest_with_mean_and_std_normalises_the_crop(copied):
    manifest = json.loads(copied.with_suffix(".json").read_text())
    manifest["input"]["mean"], manifest["input"]["std"] = [0.0, 0.5, 0.75], [0.5, 0.25, 0.125]
    copied.with_suffix(".json").write_text(json.dumps(manifest))
    orange = np.full((50, 50, 3), (0, 127.5, 255), np.uint8)  # BGR
    (crop,) = HmrNetwork(copied).crop(orange, [CropBox(25, 25, 50)])
    assert np.ptp(crop, axis=(1, 2)).max() == 0
    np.testing.assert_allclose(crop[:, 0, 0], [2, (127 / 255 - 0.5) * 4, -6], atol=1e-6)


def test_a_crop_stays_as_it_is_when_the_next_is_made():
    network = HmrNetwork()
    dark, light = (np.full((80, 80, 3), grey, np.uint8) for grey in (0, 255))
    first = network.crop(dark, [CropBox(40, 40, 60)])
    network.crop(light, [CropBox(40, 40, 60)] * 3)
    network.run(light, [CropBox(40, 40, 60)])
    assert not first.any()


def test_the_input_is_rgb_in_0_to_1_channels_first(demo_clip):
    frame = VideoFile(demo_clip).read().image
    crop_boxes = [CropBox(150, 150, 200, 0.3), CropBox(300, 200, 90), CropBox(200, 100, 600)]
    network = HmrNetwork()
    size = (frame.shape[1], frame.shape[0])
    cameras = [CropCamera.of(box, size, default_focal_length(size)) for box in crop_boxes]
    crops = np.stack(
        [
            crop_image(frame, box, network.size, camera=camera if network.perspective else None)
            for box, camera in zip(crop_boxes, cameras, strict=True)
        ]
    )
    expected = crops[..., ::-1].transpose(0, 3, 1, 2) / 255
    for count in (1, 3, 2):
        made = network.crop(frame, crop_boxes[:count])
        np.testing.assert_allclose(made, expected[:count], atol=1e-6)
        assert made.flags.c_contiguous
