"""Cached output of an encoder: made by ONNX Runtime, equal to that of torch."""

from __future__ import annotations

import copy

import cv2
import numpy as np
import pytest
import torch

from hmr_live.core.errors import AssetError
from hmr_live_training.data.augment import AugmentConfig
from hmr_live_training.distributed import Processes
from hmr_live_training.landmarks import BLAZEPOSE_POINTS
from hmr_live_training.models.network import packed
from hmr_live_training.sampling.cached_features import (
    encoder_file,
    features_folder,
    load_features,
    predict_as_teacher,
    store_features,
)
from hmr_live_training.sampling.features import open_network
from hmr_live_training.sampling.pictures import CropStream, EmptyPictures
from tests.training.cases import NUM_FEATURES, tiny_config, tiny_network

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")


@pytest.fixture(scope="module")
def network():
    network = tiny_network(tiny_config(heatmaps=True)).eval()
    with torch.no_grad():
        for part in network.encoder.decoder.parameters():
            part.mul_(4).add_(0.2)  # some maps are sure
    return network


@pytest.fixture(scope="module")
def encoder(network, tmp_path_factory):
    return encoder_file(network, tmp_path_factory.mktemp("cache"), tiny_config(heatmaps=True))


@torch.no_grad()
def test_the_onnx_file_encodes_as_the_network_does(network, encoder):
    image = torch.rand(3, 3, 256, 256)
    expected = packed(network.encode(image, "image"))
    plain = packed(tiny_network(tiny_config()).eval().encode(image, "image"))
    assert not torch.allclose(expected, plain)  # the heat maps moved something
    found = open_network(encoder).run(["encoder_output"], {"image": image.numpy()})[0]
    np.testing.assert_allclose(found, expected.numpy(), atol=1e-4)


@torch.no_grad()
def test_cached_features_start_a_pass(network, encoder, tmp_path):
    cv2.imwrite(
        str(tmp_path / "place.png"), np.random.default_rng(0).integers(0, 255, (90, 120, 3))
    )
    pictures = EmptyPictures([tmp_path / "place.png"], AugmentConfig())
    stream = CropStream(pictures, open_network(encoder), AugmentConfig(), output="encoder_output")
    for rank in range(2):
        store_features(stream, 40, tmp_path, "empty", Processes(rank, 2))
    stored = load_features(tmp_path, "empty")
    assert len(stored.lsp) == 64  # whole batches of both processes
    assert not stored.person.any()
    encoded = network.encode(stored.inputs.float(), "encoder_output")
    assert encoded.features.shape == (64, NUM_FEATURES)
    assert torch.equal(network.encode_features(stored.inputs, "encoder_output"), encoded.features)
    again = stream.draw(0, 64, Processes()).inputs
    torch.testing.assert_close(stored.inputs[:32].float(), again[::2], atol=1e-2, rtol=1e-2)


@torch.no_grad()
def test_our_own_network_teaches_what_it_sees(network, encoder):
    crop = np.random.default_rng(3).integers(0, 255, (256, 256, 3)).astype(np.uint8)
    points, visibility, world, flag = predict_as_teacher(network, open_network(encoder), crop)
    encoded = network.encode(torch.from_numpy(crop)[None], "crop")
    chosen = list(BLAZEPOSE_POINTS)
    np.testing.assert_allclose(points[chosen], 128 * (encoded.observed.points[0] + 1), atol=0.02)
    np.testing.assert_allclose(world[chosen], encoded.observed.world[0], atol=1e-4)
    np.testing.assert_allclose(visibility[chosen], encoded.observed.visibility[0], atol=1e-4)
    assert flag == pytest.approx(float(encoded.landmarks.flag), abs=1e-4)
    others = sorted(set(range(33)) - set(chosen))
    assert not points[others].any()
    assert not visibility[others].any()


def test_a_run_without_cached_features_says_so(tmp_path):
    with pytest.raises(AssetError, match="There are no photos"):
        load_features(tmp_path, "photos")


def test_cached_features_belong_to_the_weights_of_the_encoder(network, tmp_path):
    folder = features_folder(tmp_path, network)
    assert folder.name.startswith("encoder_output_full_")
    other = copy.deepcopy(network)
    with torch.no_grad():
        other.regressor.update.bias += 1e-3
    assert features_folder(tmp_path, other) == folder
    with torch.no_grad():
        other.encoder.heads.flag.bias += 1e-3
    assert features_folder(tmp_path, other) != folder
