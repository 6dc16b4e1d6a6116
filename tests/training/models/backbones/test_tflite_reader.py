"""A TensorFlow Lite file is read with its float16 and its sparse weights."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
import tflite

from hmr_live.core.errors import AssetError
from hmr_live_training.models.backbones.graph_module import GraphModule
from hmr_live_training.models.backbones.tflite_reader import densify, read_tflite


def vector(builder, start, values):
    start(builder, len(values))
    for value in reversed(values):
        builder.PrependUOffsetTRelative(value)
    return builder.EndVector()


def tensor(builder, name, shape, kind, buffer):
    name = builder.CreateString(name)
    shape = builder.CreateNumpyVector(np.array(shape, np.int32))
    tflite.TensorStart(builder)
    tflite.TensorAddName(builder, name)
    tflite.TensorAddShape(builder, shape)
    tflite.TensorAddType(builder, kind)
    tflite.TensorAddBuffer(builder, buffer)
    return tflite.TensorEnd(builder)


def operator(builder, code, inputs, output, options=None):
    inputs = builder.CreateNumpyVector(np.array(inputs, np.int32))
    outputs = builder.CreateNumpyVector(np.array([output], np.int32))
    tflite.OperatorStart(builder)
    tflite.OperatorAddOpcodeIndex(builder, code)
    tflite.OperatorAddInputs(builder, inputs)
    tflite.OperatorAddOutputs(builder, outputs)
    if options is not None:
        tflite.OperatorAddBuiltinOptionsType(builder, tflite.BuiltinOptions.Conv2DOptions)
        tflite.OperatorAddBuiltinOptions(builder, options)
    return tflite.OperatorEnd(builder)


def code(builder, number):
    tflite.OperatorCodeStart(builder)
    tflite.OperatorCodeAddDeprecatedBuiltinCode(builder, min(number, 127))
    tflite.OperatorCodeAddBuiltinCode(builder, number)
    return tflite.OperatorCodeEnd(builder)


def convolution_file(weight, bias):
    """Image 4 x 4 x 1 -> float16 weights -> DEQUANTIZE -> CONV_2D (SAME, stride 1, ReLU6)."""
    b = flatbuffers.Builder(1024)
    buffers = []
    for data in (None, weight.astype(np.float16), bias.astype(np.float32)):
        content = (
            None if data is None else b.CreateNumpyVector(np.frombuffer(data.tobytes(), np.uint8))
        )
        tflite.BufferStart(b)
        if content is not None:
            tflite.BufferAddData(b, content)
        buffers.append(tflite.BufferEnd(b))
    kinds = tflite.TensorType
    tensors = [
        tensor(b, "image", (1, 4, 4, 1), kinds.FLOAT32, 0),
        tensor(b, "stored", weight.shape, kinds.FLOAT16, 1),
        tensor(b, "weight", weight.shape, kinds.FLOAT32, 0),
        tensor(b, "bias", bias.shape, kinds.FLOAT32, 2),
        tensor(b, "out", (1, 4, 4, weight.shape[0]), kinds.FLOAT32, 0),
    ]
    tflite.Conv2DOptionsStart(b)
    tflite.Conv2DOptionsAddPadding(b, tflite.Padding.SAME)
    tflite.Conv2DOptionsAddStrideH(b, 1)
    tflite.Conv2DOptionsAddStrideW(b, 1)
    tflite.Conv2DOptionsAddFusedActivationFunction(b, tflite.ActivationFunctionType.RELU6)
    options = tflite.Conv2DOptionsEnd(b)
    operators = [operator(b, 0, [1], 2), operator(b, 1, [0, 2, 3], 4, options)]
    codes = [code(b, tflite.BuiltinOperator.DEQUANTIZE), code(b, tflite.BuiltinOperator.CONV_2D)]
    tensors = vector(b, tflite.SubGraphStartTensorsVector, tensors)
    operators = vector(b, tflite.SubGraphStartOperatorsVector, operators)
    inputs = b.CreateNumpyVector(np.array([0], np.int32))
    outputs = b.CreateNumpyVector(np.array([4], np.int32))
    tflite.SubGraphStart(b)
    tflite.SubGraphAddTensors(b, tensors)
    tflite.SubGraphAddInputs(b, inputs)
    tflite.SubGraphAddOutputs(b, outputs)
    tflite.SubGraphAddOperators(b, operators)
    subgraphs = vector(b, tflite.ModelStartSubgraphsVector, [tflite.SubGraphEnd(b)])
    codes = vector(b, tflite.ModelStartOperatorCodesVector, codes)
    buffers = vector(b, tflite.ModelStartBuffersVector, buffers)
    tflite.ModelStart(b)
    tflite.ModelAddVersion(b, 3)
    tflite.ModelAddSubgraphs(b, subgraphs)
    tflite.ModelAddOperatorCodes(b, codes)
    tflite.ModelAddBuffers(b, buffers)
    b.Finish(tflite.ModelEnd(b), b"TFL3")
    return bytes(b.Output())


def test_float16_weights_become_a_float32_convolution(tmp_path):
    import torch

    weight = np.array([0.5, -0.25], np.float32).reshape(2, 1, 1, 1)
    bias = np.array([1.0, 2.0], np.float32)
    path = tmp_path / "conv.tflite"
    path.write_bytes(convolution_file(weight, bias))
    graph = read_tflite(path)
    assert [o.kind for o in graph.operators] == ["CONV_2D"]
    assert graph.constants[2].dtype == np.float32
    image = torch.arange(16.0).reshape(1, 1, 4, 4)
    with torch.no_grad():
        (out,) = GraphModule(graph)(image)
    expected = (image * torch.tensor([0.5, -0.25]).reshape(1, 2, 1, 1)) + torch.tensor(
        [1.0, 2.0]
    ).reshape(1, 2, 1, 1)
    torch.testing.assert_close(out, expected.clamp(0, 6))


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "x.tflite"
    path.write_bytes(b"something else")
    with pytest.raises(AssetError, match=r"not a TensorFlow Lite file"):
        read_tflite(path)
    with pytest.raises(AssetError, match=r"training/README\.md"):
        read_tflite(tmp_path / "missing.tflite")


class _Dense:
    def __init__(self, size):
        self.size = size

    def Format(self):
        return 0

    def DenseSize(self):
        return self.size


class _Sparse:
    """CSR level; the index vectors are real flat buffer tables."""

    def __init__(self, segments, indices):
        self.tables = [self._table(segments), self._table(indices)]

    @staticmethod
    def _table(values):
        b = flatbuffers.Builder(64)
        stored = b.CreateNumpyVector(np.array(values, np.int32))
        tflite.Int32VectorStart(b)
        tflite.Int32VectorAddValues(b, stored)
        b.Finish(tflite.Int32VectorEnd(b))
        return tflite.Int32Vector.GetRootAs(bytes(b.Output()), 0)._tab

    def Format(self):
        return 1

    def ArraySegments(self):
        return self.tables[0]

    def ArrayIndices(self):
        return self.tables[1]

    def ArraySegmentsType(self):
        return 1

    def ArrayIndicesType(self):
        return 1


class _SparseTensor:
    """2-D sparse tensor as the schema describes it."""

    def __init__(self, shape, order, blocks, levels):
        self.shape, self.order, self.blocks, self.levels = shape, order, blocks, levels

    def Sparsity(self):
        return self

    def ShapeLength(self):
        return len(self.shape)

    def ShapeAsNumpy(self):
        return np.array(self.shape)

    def TraversalOrderAsNumpy(self):
        return np.array(self.order)

    def BlockMapLength(self):
        return len(self.blocks)

    def BlockMapAsNumpy(self):
        return np.array(self.blocks)

    def DimMetadataLength(self):
        return len(self.levels)

    def DimMetadata(self, i):
        return self.levels[i]


def test_a_sparse_matrix_is_expanded():
    dense = np.array([[0, 3, 0], [0, 0, 0], [5, 0, 7]], np.float32)
    levels = [_Dense(3), _Sparse([0, 1, 1, 3], [1, 0, 2])]
    sparse = _SparseTensor((3, 3), [0, 1], [], levels)
    np.testing.assert_array_equal(densify(sparse, np.array([3, 5, 7], np.float32)), dense)


def test_a_block_sparse_matrix_is_expanded():
    dense = np.array([[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 5, 6], [0, 0, 7, 8]], np.float32)
    levels = [_Dense(2), _Sparse([0, 1, 2], [0, 1]), _Dense(2), _Dense(2)]
    sparse = _SparseTensor((4, 4), [0, 1, 2, 3], [0, 1], levels)
    np.testing.assert_array_equal(densify(sparse, np.arange(1, 9, dtype=np.float32)), dense)
