"""Every back end that runs here gives ONNX Runtime's numbers."""

import numpy as np
import pytest

from hmr_live.backends import open_backend
from hmr_live.capture.sources import VideoFile
from hmr_live.core.assets import asset_path, read_manifest
from hmr_live.core.state import CropBox
from hmr_live.recovery.network import HmrNetwork
from tests.engine.backends.backend_cases import require_backend
from tests.shipped import NETWORKS

#: Largest difference of an output, as a part of its range (of 1 where that is less).  Back ends add
#: up in other orders; float32 leaves 1e-7 of a sum, and the depth of the networks multiplies it.
TOLERANCE = 2e-4
OTHERS = [
    "openvino",
    pytest.param("tensorrt", marks=pytest.mark.gpu),
    pytest.param("tensorrt-rtx", marks=pytest.mark.gpu),
    pytest.param("onnxruntime-cuda", marks=pytest.mark.gpu),
]


def pictures(size, count):
    rng = np.random.default_rng(0)
    coarse = rng.random((count, 3, 8, 8), np.float32)
    return np.ascontiguousarray(np.kron(coarse, np.ones((size // 8, size // 8), np.float32)))


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("count", [1, 3, 9])
@pytest.mark.parametrize("network", NETWORKS)
def test_a_back_end_gives_the_numbers_of_onnx_runtime(name, network, count):
    require_backend(name)
    model = asset_path("networks", f"{network}.onnx")
    images = pictures(read_manifest(model)["input"]["size"][0], count)
    reference = open_backend(model, name="onnxruntime")
    focal = np.linspace(1.5, 9, count, dtype=np.float32)[:, None]
    given = (images, focal) if reference.reads_focal else (images,)
    expected = reference.run(*given)
    found = open_backend(model, name=name).run(*given)
    assert set(found) == set(expected)
    for key, values in expected.items():
        assert found[key].shape == values.shape
        assert found[key].dtype == np.float32
        bound = TOLERANCE * max(float(np.ptp(values)), 1.0)
        np.testing.assert_allclose(found[key], values, rtol=0, atol=bound)


@pytest.mark.parametrize("name", OTHERS)
def test_a_real_person_comes_out_the_same(name, demo_clip):
    require_backend(name)
    image = VideoFile(demo_clip).read().image
    height, width = image.shape[:2]
    crop_box = CropBox(width / 2, height / 2, 1.2 * height)
    (expected,) = HmrNetwork(backend="onnxruntime").run(image, [crop_box])
    (found,) = HmrNetwork(backend=name).run(image, [crop_box])
    np.testing.assert_allclose(found.rotmats, expected.rotmats, atol=1e-3)
    np.testing.assert_allclose(found.betas, expected.betas, atol=1e-3)
    assert abs(found.score - expected.score) < 1e-3


@pytest.mark.parametrize("threads", [1, 2])
def test_openvino_computes_in_float32_on_the_threads_it_is_given(threads):
    pytest.importorskip("openvino")
    backend = open_backend(
        asset_path("networks", "person_detector.onnx"), name="openvino", threads=threads
    )
    compiled = backend._request.get_compiled_model()
    assert compiled.get_property("INFERENCE_PRECISION_HINT").to_string() == "f32"
    assert compiled.get_property("INFERENCE_NUM_THREADS") == threads
