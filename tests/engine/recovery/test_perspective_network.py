"""A network that reads the focal lengths of its crops, from the frame to the body in space."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.core.assets import sha256_of
from hmr_live.core.errors import BackendError
from hmr_live.core.state import Array, CropBox
from hmr_live.recovery.crop import crop_image
from hmr_live.recovery.crop_camera import CropCamera
from hmr_live.recovery.crop_to_camera import CropToCamera
from hmr_live.recovery.frame_camera import default_focal_length, project
from hmr_live.recovery.network import HmrNetwork

SIZE, CROP = (640, 480), 16
IMAGE = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
#: Far to the left, turned, and so near that perspective is strong.
CROP_BOX = CropBox(110, 300, 420, 0.3)
BACKENDS = ["onnxruntime", "openvino"]


def write_network(path: Path, rotmats: Array, depth: float, offset: Array) -> Path:
    """A network that always sees the same pose at ``(*offset, depth)`` metres in its crop.

    Its scale is ``focal / depth``, so that a wrong focal length puts the person elsewhere.
    """
    constants = {
        "depth": np.array([[depth]], np.float32),
        "offset": np.asarray(offset, np.float32)[None],
        # The first two columns, row after row, as SPIN has them.
        "pose": rotmats[:, :, :2].reshape(1, -1).astype(np.float32),
        "betas_row": np.zeros((1, 10), np.float32),
        "pose_shape": np.array([-1, 24, 6], np.int64),
        "zero": np.zeros((1, 1), np.float32),
        "column": np.array([-1, 1], np.int64),
    }
    nodes = [
        helper.make_node("ReduceMean", ["image"], ["mean"], keepdims=0, axes=[1, 2, 3]),
        helper.make_node("Reshape", ["mean", "column"], ["level"]),
        helper.make_node("Mul", ["level", "zero"], ["nothing"]),
        helper.make_node("Add", ["nothing", "pose"], ["flat_pose"]),
        helper.make_node("Reshape", ["flat_pose", "pose_shape"], ["pose_6d"]),
        helper.make_node("Add", ["nothing", "betas_row"], ["betas"]),
        helper.make_node("Div", ["focal", "depth"], ["scale"]),
        helper.make_node("Add", ["nothing", "offset"], ["offsets"]),
        helper.make_node("Concat", ["scale", "offsets"], ["camera"], axis=1),
    ]
    outputs = {"pose_6d": [24, 6], "betas": [10], "camera": [3]}
    graph = helper.make_graph(
        nodes,
        "perspective",
        [
            helper.make_tensor_value_info("image", TensorProto.FLOAT, ["n", 3, CROP, CROP]),
            helper.make_tensor_value_info("focal", TensorProto.FLOAT, ["n", 1]),
        ],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *shape])
            for name, shape in outputs.items()
        ],
        [numpy_helper.from_array(values, name) for name, values in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=10)
    path.write_bytes(model.SerializeToString())
    manifest = {
        "name": "tiny",
        "sha256": sha256_of(path),
        "camera": "perspective",
        "input": {"size": [CROP, CROP]},
        "outputs": {name: {} for name in outputs},
    }
    path.with_suffix(".json").write_text(json.dumps(manifest))
    return path


@pytest.fixture
def rotmats() -> Array:
    pose = np.random.default_rng(3).normal(0, 0.3, (24, 3)).astype(np.float32)
    pose[0] = [np.pi - 0.1, 0.3, 0.1]
    return matrix_from_axis_angle(pose)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("focal_length", [None, 400.0, 900.0])
def test_a_person_beside_the_middle_comes_back_as_they_stand(
    backend: str, focal_length: float | None, rotmats: Array, tmp_path: Path
) -> None:
    if backend == "openvino":
        pytest.importorskip("openvino")
    body, betas = BodyModel.default(), np.zeros(10, np.float32)
    pelvis = body.rest_joints(betas)[0]
    pixels = focal_length or default_focal_length(SIZE)
    crop_camera = CropCamera.of(CROP_BOX, SIZE, pixels)
    transl = crop_camera.translation_in_frame(np.array([0.8, 0.05, 0.2]), pelvis)
    # What the crop's camera sees of somebody who stands like that at transl.
    seen = rotmats.copy()
    seen[0] = crop_camera.rotation @ seen[0]
    x, y, depth = crop_camera.rotation @ (pelvis + transl) - pelvis
    path = write_network(tmp_path / "tiny.onnx", seen, float(depth), np.array([x, y]))

    network = HmrNetwork(path, backend=backend)
    assert network.perspective
    elsewhere = CropBox(320, 240, 200)
    _, output = network.run(IMAGE, [elsewhere, CROP_BOX], focal_length)
    assert output.focal == pytest.approx(crop_camera.focal)
    estimate = CropToCamera(body, focal_length).estimate(CROP_BOX, output, SIZE)
    assert angle_between(estimate.body.rotmats, rotmats).max() < 1e-3
    np.testing.assert_allclose(estimate.body.transl, transl, atol=1e-4)
    expected = project(body.joints(rotmats, betas) + transl, pixels, SIZE)
    np.testing.assert_allclose(estimate.joints_2d, expected, atol=0.05)


@pytest.mark.parametrize("backend", BACKENDS)
def test_a_batch_gives_what_single_crops_give(backend: str, rotmats: Array, tmp_path: Path) -> None:
    if backend == "openvino":
        pytest.importorskip("openvino")
    path = write_network(tmp_path / "tiny.onnx", rotmats, 3.0, np.zeros(2))
    network = HmrNetwork(path, backend=backend)
    crop_boxes = [CropBox(100 + 120 * k, 200, 100 + 60 * k, 0.1 * k) for k in range(4)]
    together = network.run(IMAGE, crop_boxes)
    for crop_box, output in zip(crop_boxes, together, strict=True):
        (alone,) = network.run(IMAGE, [crop_box])
        np.testing.assert_allclose(output.camera, alone.camera, rtol=1e-5)
        focal = CropCamera.of(crop_box, SIZE, default_focal_length(SIZE)).focal
        assert output.camera[0] == pytest.approx(focal / 3, rel=1e-5)


@pytest.mark.parametrize("focal_length", [300.0, 900.0])
def test_its_crops_are_what_their_cameras_see(
    focal_length: float, rotmats: Array, tmp_path: Path
) -> None:
    path = write_network(tmp_path / "tiny.onnx", rotmats, 3.0, np.zeros(2))
    network = HmrNetwork(path, backend="onnxruntime")
    image = np.random.default_rng(5).integers(0, 255, IMAGE.shape, np.uint8)
    camera = CropCamera.of(CROP_BOX, SIZE, focal_length)
    expected = crop_image(image, CROP_BOX, CROP, camera=camera)[..., ::-1] / 255
    (crop,) = network.crop(image, [CROP_BOX], focal_length)
    np.testing.assert_allclose(crop, expected.transpose(2, 0, 1), atol=1e-6)


def test_a_back_end_without_the_focal_lengths_says_so(rotmats: Array, tmp_path: Path) -> None:
    path = write_network(tmp_path / "tiny.onnx", rotmats, 3.0, np.zeros(2))
    backend = HmrNetwork(path, backend="onnxruntime").backend
    with pytest.raises(BackendError, match="focal length"):
        backend.run(np.zeros((1, 3, CROP, CROP), np.float32))
