"""ResNet-50 and the import of SPIN checkpoints, on random weights."""

from __future__ import annotations

import json
import pickle

import numpy as np
import pytest
import torch
from torch.nn import functional

from hmr_live.body.rotations import matrix_from_6d
from hmr_live.core.errors import AssetError
from hmr_live.core.state import CropBox
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export.import_spin import main
from hmr_live_training.export.spin_checkpoint import load_spin_checkpoint
from hmr_live_training.models.backbones.resnet50 import IMAGENET_MEAN, IMAGENET_STD, ResNet50Encoder

# The exporter of torch warns about its own insides.
pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")

BLOCKS = {"layer1": 3, "layer2": 4, "layer3": 6, "layer4": 3}


def resnet50_state(generator):
    """Random weights under torchvision's names, written down from its published definition."""

    def conv(out, inside, size):
        scale = (2 / (inside * size * size)) ** 0.5
        return torch.randn(out, inside, size, size, generator=generator) * scale

    state = {"conv1.weight": conv(64, 3, 7), **norm("bn1", 64, generator)}
    channels, width = 64, 64
    for layer, blocks in BLOCKS.items():
        for block in range(blocks):
            name = f"{layer}.{block}"
            state[f"{name}.conv1.weight"] = conv(width, channels, 1)
            state[f"{name}.conv2.weight"] = conv(width, width, 3)
            state[f"{name}.conv3.weight"] = conv(width * 4, width, 1)
            for number, size in ((1, width), (2, width), (3, width * 4)):
                state |= norm(f"{name}.bn{number}", size, generator)
            if block == 0:
                state[f"{name}.downsample.0.weight"] = conv(width * 4, channels, 1)
                state |= norm(f"{name}.downsample.1", width * 4, generator)
            channels = width * 4
        width *= 2
    return state


def norm(name, size, generator):
    def between(low, high):
        return low + (high - low) * torch.rand(size, generator=generator)

    return {
        f"{name}.weight": between(0.3, 0.7),
        f"{name}.bias": between(-0.1, 0.1),
        f"{name}.running_mean": between(-0.1, 0.1),
        f"{name}.running_var": between(0.5, 1.5),
        f"{name}.num_batches_tracked": torch.tensor(7),
    }


def spin_state(generator):
    state = resnet50_state(generator)
    inside = 2048 + 144 + 10 + 3
    sizes = {"fc1": (1024, inside), "fc2": (1024, 1024)}
    sizes |= {"decpose": (144, 1024), "decshape": (10, 1024), "deccam": (3, 1024)}
    for name, (out, source) in sizes.items():
        state[f"{name}.weight"] = torch.randn(out, source, generator=generator) * source**-0.5
        state[f"{name}.bias"] = torch.randn(out, generator=generator) * 0.1
    state["init_pose"] = torch.randn(1, 144, generator=generator)
    state["init_shape"] = torch.randn(1, 10, generator=generator)
    state["init_cam"] = torch.tensor([[0.9, 0.0, 0.0]])
    return state


def stated_resnet(state, image):
    """ResNet-50 line by line: the slow, obvious twin."""

    def bn(x, name):
        rest = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight"))
        return functional.batch_norm(x, *rest, state[f"{name}.bias"], False, 0.1, 1e-5)

    x = functional.relu(
        bn(functional.conv2d(image, state["conv1.weight"], stride=2, padding=3), "bn1")
    )
    x = functional.max_pool2d(x, 3, 2, 1)
    for layer, blocks in BLOCKS.items():
        for block in range(blocks):
            name = f"{layer}.{block}"
            stride = 2 if block == 0 and layer != "layer1" else 1
            y = functional.relu(
                bn(functional.conv2d(x, state[f"{name}.conv1.weight"]), f"{name}.bn1")
            )
            y = functional.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=1)
            y = functional.relu(bn(y, f"{name}.bn2"))
            y = bn(functional.conv2d(y, state[f"{name}.conv3.weight"]), f"{name}.bn3")
            if block == 0:
                x = functional.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
                x = bn(x, f"{name}.downsample.1")
            x = functional.relu(x + y)
    return functional.avg_pool2d(x, 7, stride=1).flatten(1)


def stated_spin(state, image):
    """SPIN's regressor as its definition reads: three rounds, no activation, no dropout."""
    phi = stated_resnet(state, image)
    count = len(image)
    pose, shape, camera = (
        state[f"init_{name}"].repeat(count, 1) for name in ("pose", "shape", "cam")
    )
    for _ in range(3):
        x = torch.cat([phi, pose, shape, camera], 1)
        for name in ("fc1", "fc2"):
            x = x @ state[f"{name}.weight"].T + state[f"{name}.bias"]
        changes = [
            x @ state[f"dec{n}.weight"].T + state[f"dec{n}.bias"] for n in ("pose", "shape", "cam")
        ]
        pose, shape, camera = (a + b for a, b in zip((pose, shape, camera), changes, strict=True))
    a1, a2 = pose.view(-1, 3, 2)[:, :, 0], pose.view(-1, 3, 2)[:, :, 1]
    b1 = functional.normalize(a1)
    b2 = functional.normalize(a2 - (b1 * a2).sum(1, keepdim=True) * b1)
    rotmats = torch.stack([b1, b2, torch.cross(b1, b2, dim=1)], dim=2).view(count, 24, 3, 3)
    return rotmats, shape, camera


@pytest.fixture(scope="module")
def state():
    return spin_state(torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def checkpoint(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("spin") / "model_checkpoint.pt"
    optimizer = {"state": {}, "param_groups": [{"lr": 5e-5, "params": [0, 1]}]}
    content = {"model": state, "optimizer": optimizer, "epoch": 22, "dataset_perm": [3, 1, 2]}
    torch.save(content, path)
    return path


@pytest.fixture(scope="module")
def exported(checkpoint):
    path = checkpoint.with_name("spin.onnx")
    main([str(checkpoint), "--out", str(path), "--licence", "research only"])
    return path


@torch.no_grad()
def test_resnet50_is_torchvisions_by_names_and_by_numbers(state, tmp_path):
    imagenet = {k: v for k, v in state.items() if k.startswith(("conv1", "bn1", "layer"))}
    imagenet |= {"fc.weight": torch.zeros(1000, 2048), "fc.bias": torch.zeros(1000)}
    torch.save(imagenet, tmp_path / "resnet50.pth")
    encoder = ResNet50Encoder().eval()
    assert {k for k in imagenet if not k.startswith("fc.")} == set(encoder.state_dict())
    encoder.load_imagenet(tmp_path / "resnet50.pth")
    image = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(encoder(image), stated_resnet(state, image), rtol=1e-4, atol=1e-5)
    assert encoder(image).shape == (2, encoder.dim)


@torch.no_grad()
def test_a_checkpoint_gives_the_numbers_of_its_own_definition(state, checkpoint):
    image = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(1))
    pose, betas, camera = load_spin_checkpoint(checkpoint)(image)
    rotmats, shape, cam = stated_spin(state, image)
    np.testing.assert_allclose(matrix_from_6d(pose.numpy()), rotmats.numpy(), atol=1e-4)
    torch.testing.assert_close(betas, shape, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(camera, cam, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_the_engine_runs_the_exported_checkpoint_on_normalised_224_pixel_crops(state, exported):
    network = HmrNetwork(exported)
    assert network.size == 224
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (300, 400, 3)).astype(np.uint8)
    crop_boxes = [CropBox(200, 150, 224), CropBox(180.5, 140.5, 200, 0.3), CropBox(90, 80, 120)]
    outputs = network.run(frame, crop_boxes)
    # The first crop box lies on whole pixels: its crop is a plain cut.
    cut = frame[38:262, 88:312, ::-1].astype(np.float32) / 255
    image = torch.from_numpy((cut - IMAGENET_MEAN) / IMAGENET_STD).float().permute(2, 0, 1)
    rotmats, shape, camera = stated_spin(state, image[None])
    np.testing.assert_allclose(outputs[0].rotmats, rotmats[0].numpy(), atol=2e-3)
    np.testing.assert_allclose(outputs[0].betas, shape[0].numpy(), atol=2e-3)
    np.testing.assert_allclose(outputs[0].camera, camera[0].numpy(), atol=2e-3)
    assert len(outputs) == 3
    assert not np.allclose(outputs[1].rotmats, outputs[0].rotmats, atol=1e-2)


def test_the_manifest_says_whose_betas_and_whose_licence_they_are(exported):
    manifest = json.loads(exported.with_suffix(".json").read_text())
    assert manifest["body"] == "smpl"
    assert manifest["licence"] == "research only"
    assert "official" in manifest["outputs"]["betas"]["meaning"]
    assert "score" not in manifest["outputs"]


class Harmful:
    def __reduce__(self):
        return print, ("harm",)


def test_checkpoints_that_would_run_code_are_not_opened(tmp_path, capsys):
    torch.save({"model": {}, "extra": Harmful()}, tmp_path / "a.pt")
    (tmp_path / "b.pt").write_bytes(pickle.dumps(Harmful()))
    for name in ("a.pt", "b.pt"):
        with pytest.raises(AssetError, match="more than weights"):
            load_spin_checkpoint(tmp_path / name)
    assert "harm" not in capsys.readouterr().out


def test_other_checkpoints_are_refused_with_a_message(state, tmp_path):
    with pytest.raises(AssetError, match="There is no"):
        load_spin_checkpoint(tmp_path / "none.pt")
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(AssetError, match="no 'model' entry"):
        load_spin_checkpoint(tmp_path / "list.pt")
    axis_angle = {**state, "decpose.weight": torch.zeros(72, 1024)}
    torch.save({"model": axis_angle}, tmp_path / "axis_angle.pt")
    with pytest.raises(AssetError, match=r"decpose\.weight does not fit"):
        load_spin_checkpoint(tmp_path / "axis_angle.pt")
    shallow = {k: v for k, v in state.items() if not k.startswith("layer3.5")}
    torch.save({"model": shallow}, tmp_path / "shallow.pt")
    with pytest.raises(AssetError, match=r"no ResNet-50 \(layer3\.5"):
        load_spin_checkpoint(tmp_path / "shallow.pt")
    with pytest.raises(SystemExit, match="There is no"):
        main([str(tmp_path / "none.pt"), "--out", str(tmp_path / "a.onnx")])
