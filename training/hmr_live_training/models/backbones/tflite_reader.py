"""Read a TensorFlow Lite file into a plain graph of numpy arrays, without TensorFlow.

The BlazePose networks are published as ``.tflite`` flat buffers with float16 weights, some of
them stored sparse.  :func:`read_tflite` resolves both (``DEQUANTIZE`` and ``DENSIFY`` disappear)
and returns float32 constants, so that what follows sees nothing but ordinary layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import tflite
from numpy.typing import NDArray
from tflite.utils import BUILTIN_OPCODE2NAME

from hmr_live.core.errors import AssetError

Constant = NDArray[Any]
#: A table of the flat buffer; the schema package is untyped.
Table = Any

_DTYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
    tflite.TensorType.INT64: np.int64,
    tflite.TensorType.INT8: np.int8,
    tflite.TensorType.UINT8: np.uint8,
}
_INDEX_VECTORS = {1: tflite.Int32Vector, 2: tflite.Uint16Vector, 3: tflite.Uint8Vector}


@dataclass(frozen=True)
class Operator:
    """One layer: its TensorFlow Lite name, the tensors it reads and writes, its options."""

    kind: str
    inputs: tuple[int, ...]
    output: int
    options: dict[str, Any]


@dataclass(frozen=True)
class Graph:
    """A network as a list of operators in execution order.

    Attributes
    ----------
    operators
        In the order in which they run.
    constants
        Tensor number -> array (weights in TensorFlow's own layouts).
    shapes
        Tensor number -> shape, images as (N, H, W, C).
    names
        Tensor number -> name in the file.
    inputs, outputs
        Tensor numbers.
    """

    operators: tuple[Operator, ...]
    constants: dict[int, Constant]
    shapes: dict[int, tuple[int, ...]]
    names: dict[int, str]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass
class _Reading:
    """What has been resolved so far while the file is walked."""

    constants: dict[int, Constant] = field(default_factory=dict)
    sparse: dict[int, Constant] = field(default_factory=dict)
    operators: list[Operator] = field(default_factory=list)


def read_tflite(path: Path | str) -> Graph:
    """Parse a ``.tflite`` file.

    Raises
    ------
    AssetError
        When the file is missing, is not a TensorFlow Lite file or uses a layer that
        :mod:`hmr_live_training.models.backbones.graph_module` does not know.
    """
    path = Path(path)
    try:
        buffer = path.read_bytes()
    except OSError as error:
        raise AssetError(
            f"Cannot read {path}; training/README.md says where the encoder files come from."
        ) from error
    if buffer[4:8] != b"TFL3":
        raise AssetError(f"{path} is not a TensorFlow Lite file; point to a .tflite file.")
    model = tflite.Model.GetRootAs(buffer, 0)
    subgraph = model.Subgraphs(0)
    tensors = [subgraph.Tensors(i) for i in range(subgraph.TensorsLength())]
    shapes = {i: _shape(t) for i, t in enumerate(tensors)}
    reading = _Reading()
    _collect_constants(model, tensors, shapes, reading)
    for position in range(subgraph.OperatorsLength()):
        _read_operator(model, subgraph.Operators(position), tensors, shapes, reading)
    return Graph(
        operators=tuple(reading.operators),
        constants=reading.constants,
        shapes=shapes,
        names={i: t.Name().decode() for i, t in enumerate(tensors)},
        inputs=tuple(int(subgraph.Inputs(i)) for i in range(subgraph.InputsLength())),
        outputs=tuple(int(subgraph.Outputs(i)) for i in range(subgraph.OutputsLength())),
    )


def _shape(tensor: Table) -> tuple[int, ...]:
    return tuple(int(n) for n in tensor.ShapeAsNumpy()) if tensor.ShapeLength() else ()


def _collect_constants(
    model: Table, tensors: list[Table], shapes: dict[int, tuple[int, ...]], reading: _Reading
) -> None:
    for i, tensor in enumerate(tensors):
        data = model.Buffers(tensor.Buffer())
        if not data.DataLength():
            continue
        values = np.frombuffer(data.DataAsNumpy().tobytes(), _DTYPES[tensor.Type()])
        if tensor.Sparsity() is not None:
            reading.sparse[i] = values
        else:
            reading.constants[i] = values.reshape(shapes[i])


def _read_operator(
    model: Table,
    operator: Table,
    tensors: list[Table],
    shapes: dict[int, tuple[int, ...]],
    reading: _Reading,
) -> None:
    code = model.OperatorCodes(operator.OpcodeIndex())
    kind = BUILTIN_OPCODE2NAME[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
    inputs = tuple(int(i) for i in operator.InputsAsNumpy())
    output = int(operator.Outputs(0))
    if kind == "DENSIFY":
        reading.constants[output] = densify(tensors[inputs[0]], reading.sparse[inputs[0]])
        return
    if kind == "DEQUANTIZE" and inputs[0] in reading.constants:
        reading.constants[output] = reading.constants[inputs[0]].astype(np.float32)
        return
    if kind not in _OPTION_READERS:
        raise AssetError(f"The layer {kind} is not supported; use one of the BlazePose files.")
    options = _OPTION_READERS[kind](operator)
    options["output_shape"] = shapes[output]
    if kind == "PAD":
        options["pads"] = reading.constants[inputs[1]].tolist()
    reading.operators.append(Operator(kind, inputs, output, options))


def densify(tensor: Table, values: Constant) -> Constant:
    """Expand a sparse tensor (traversal order, blocks, dense and CSR dimensions) to a dense one.

    The levels of the sparse tree are expanded one after the other for all entries at once:
    ``position`` is each entry's place in the storage of its level, ``coordinates`` its indices.
    """
    sparsity = tensor.Sparsity()
    shape = _shape(tensor)
    order = sparsity.TraversalOrderAsNumpy().tolist()
    blocked = sparsity.BlockMapAsNumpy().tolist() if sparsity.BlockMapLength() else []
    levels = [sparsity.DimMetadata(i) for i in range(sparsity.DimMetadataLength())]
    position = np.zeros(1, np.int64)
    coordinates = np.zeros((1, len(levels)), np.int64)
    for level, metadata in enumerate(levels):
        if metadata.Format() == 0:
            size = metadata.DenseSize()
            parent = np.repeat(np.arange(len(position)), size)
            index = np.tile(np.arange(size), len(position))
            position = position[parent] * size + index
        else:
            segments = _index_vector(metadata.ArraySegments(), metadata.ArraySegmentsType())
            indices = _index_vector(metadata.ArrayIndices(), metadata.ArrayIndicesType())
            counts = segments[position + 1] - segments[position]
            parent = np.repeat(np.arange(len(position)), counts)
            starts = np.cumsum(counts) - counts
            position = segments[position][parent] + np.arange(counts.sum()) - starts[parent]
            index = indices[position]
        coordinates = coordinates[parent]
        coordinates[:, level] = index
    by_dimension = coordinates[:, np.argsort(order)]
    place = by_dimension[:, : len(shape)]
    for block, dimension in enumerate(blocked):
        size = levels[order.index(len(shape) + block)].DenseSize()
        place[:, dimension] = place[:, dimension] * size + by_dimension[:, len(shape) + block]
    dense = np.zeros(shape, values.dtype)
    dense[tuple(place.T)] = values[position]
    return dense


def _index_vector(table: Table, kind: int) -> NDArray[np.int64]:
    vector = _INDEX_VECTORS[kind]()
    vector.Init(table.Bytes, table.Pos)
    return np.array([vector.Values(i) for i in range(vector.ValuesLength())], np.int64)


def _options(operator: Table, table: Callable[[], Table]) -> Table:
    options = table()
    union = operator.BuiltinOptions()
    options.Init(union.Bytes, union.Pos)
    return options


def _convolution(operator: Table, table: Callable[[], Table]) -> dict[str, Any]:
    o = _options(operator, table)
    return {
        "stride": (o.StrideH(), o.StrideW()),
        "dilation": (o.DilationHFactor(), o.DilationWFactor()),
        "same": o.Padding() == tflite.Padding.SAME,
        "activation": o.FusedActivationFunction(),
    }


def _pool(operator: Table) -> dict[str, Any]:
    o = _options(operator, tflite.Pool2DOptions)
    return {
        "stride": (o.StrideH(), o.StrideW()),
        "kernel": (o.FilterHeight(), o.FilterWidth()),
        "same": o.Padding() == tflite.Padding.SAME,
    }


def _concatenation(operator: Table) -> dict[str, Any]:
    o = _options(operator, tflite.ConcatenationOptions)
    return {"axis": o.Axis(), "activation": o.FusedActivationFunction()}


_OPTION_READERS: dict[str, Callable[[Table], dict[str, Any]]] = {
    "CONV_2D": lambda o: _convolution(o, tflite.Conv2DOptions),
    "DEPTHWISE_CONV_2D": lambda o: _convolution(o, tflite.DepthwiseConv2DOptions),
    "MAX_POOL_2D": _pool,
    "ADD": lambda o: {"activation": _options(o, tflite.AddOptions).FusedActivationFunction()},
    "RESIZE_BILINEAR": lambda o: {
        "align_corners": bool(_options(o, tflite.ResizeBilinearOptions).AlignCorners())
    },
    "DEPTH_TO_SPACE": lambda o: {"block": _options(o, tflite.DepthToSpaceOptions).BlockSize()},
    "CONCATENATION": _concatenation,
    "RESHAPE": lambda o: {},
    "PAD": lambda o: {},
    "LOGISTIC": lambda o: {},
}
