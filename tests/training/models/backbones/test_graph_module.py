"""TensorFlow Lite layers run in torch as TensorFlow defines them."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from hmr_live_training.models.backbones.graph_module import GraphModule, same_padding
from hmr_live_training.models.backbones.tflite_reader import Graph, Operator


def run(kind, image, options, constants=None, extra=()):
    """One layer on an (H, W, C) image; the answer as (H, W, C)."""
    constants = constants or {}
    operator = Operator(kind, (0, *extra, *constants), 9, options)
    shapes = {0: (1, *image.shape)}
    graph = Graph((operator,), constants, shapes, {}, (0,), (9,))
    inputs = torch.from_numpy(image.transpose(2, 0, 1)[None].copy())
    with torch.no_grad():
        (answer,) = GraphModule(graph)(inputs)
    answer = answer.numpy()
    return answer[0].transpose(1, 2, 0) if answer.ndim == 4 else answer


def slow_convolution(image, weight, stride, depthwise):
    """TensorFlow's SAME convolution, pixel by pixel."""
    kernel = weight.shape[1]
    pads = [same_padding(n, kernel, stride) for n in image.shape[:2]]
    padded = np.pad(image, (*pads, (0, 0)))
    size = [-(-n // stride) for n in image.shape[:2]]
    channels = weight.shape[3] if depthwise else weight.shape[0]
    answer = np.zeros((*size, channels))
    for y in range(size[0]):
        for x in range(size[1]):
            window = padded[y * stride : y * stride + kernel, x * stride : x * stride + kernel]
            if depthwise:
                answer[y, x] = (window * weight[0]).sum(axis=(0, 1))
            else:
                answer[y, x] = (window * weight).sum(axis=(1, 2, 3))
    return answer


@pytest.mark.parametrize("kind", ["CONV_2D", "DEPTHWISE_CONV_2D"])
@pytest.mark.parametrize(("size", "kernel", "stride"), [(8, 3, 2), (7, 3, 2), (6, 5, 1), (8, 2, 2)])
def test_convolution_pads_as_tensorflow_does(kind, size, kernel, stride):
    rng = np.random.default_rng(0)
    depthwise = kind == "DEPTHWISE_CONV_2D"
    image = rng.normal(size=(size, size, 3)).astype(np.float32)
    shape = (1, kernel, kernel, 3) if depthwise else (4, kernel, kernel, 3)
    weight = rng.normal(size=shape).astype(np.float32)
    bias = rng.normal(size=3 if depthwise else 4).astype(np.float32)
    options = {"stride": (stride, stride), "dilation": (1, 1), "same": True, "activation": 0}
    answer = run(kind, image, options, {1: weight, 2: bias})
    expected = slow_convolution(image, weight, stride, depthwise) + bias
    np.testing.assert_allclose(answer, expected, atol=1e-4)


def test_relu6_is_fused_into_the_convolution():
    image = np.full((2, 2, 1), 5.0, np.float32)
    weight = np.array([2.0, -2.0], np.float32).reshape(2, 1, 1, 1)
    options = {"stride": (1, 1), "dilation": (1, 1), "same": True, "activation": 3}
    answer = run("CONV_2D", image, options, {1: weight, 2: np.zeros(2, np.float32)})
    assert answer[..., 0].max() == 6
    assert answer[..., 1].max() == 0


def test_max_pool_ignores_its_padding():
    image = -np.arange(1, 10, dtype=np.float32).reshape(3, 3, 1)
    answer = run("MAX_POOL_2D", image, {"kernel": (2, 2), "stride": (2, 2), "same": True})
    np.testing.assert_array_equal(answer[..., 0], [[-1, -3], [-7, -9]])


def test_depth_to_space_takes_the_block_from_the_channels():
    image = np.arange(8, dtype=np.float32).reshape(1, 1, 8)
    answer = run("DEPTH_TO_SPACE", image, {"block": 2})
    np.testing.assert_array_equal(answer, np.arange(8, dtype=np.float32).reshape(2, 2, 2))


def test_reshape_flattens_in_tensorflows_order():
    image = np.arange(12, dtype=np.float32).reshape(2, 2, 3)
    answer = run("RESHAPE", image, {"output_shape": (1, 12)})
    np.testing.assert_array_equal(answer[0], np.arange(12))


def test_resize_uses_half_pixel_centres():
    image = np.array([0.0, 4.0], np.float32).reshape(1, 2, 1)
    answer = run("RESIZE_BILINEAR", image, {"align_corners": False, "output_shape": (1, 1, 4, 1)})
    np.testing.assert_allclose(answer[0, :, 0], [0, 1, 3, 4])


def test_pad_puts_zeros_around_rows_columns_and_channels():
    image = np.ones((1, 1, 1), np.float32)
    answer = run("PAD", image, {"pads": [[0, 0], [1, 0], [0, 2], [0, 1]]})
    assert answer.shape == (2, 3, 2)
    assert answer.sum() == 1
    assert answer[1, 0, 0] == 1


def test_a_network_can_be_cut_at_an_inner_tensor():
    double = {"activation": 0}
    operators = (Operator("ADD", (0, 0), 1, double), Operator("ADD", (1, 1), 2, double))
    graph = Graph(operators, {}, {0: (1, 1, 1, 1), 1: (1, 1, 1, 1)}, {}, (0,), (2,))
    whole = GraphModule(graph)(torch.ones(1, 1, 1, 1))[0]
    late = GraphModule(graph, sources=(1,))
    assert whole.item() == 4
    assert late(torch.ones(1, 1, 1, 1))[0].item() == 2
    assert len(late.operators) == 1
