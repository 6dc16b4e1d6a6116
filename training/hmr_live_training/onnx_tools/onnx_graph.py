"""Change the types inside an ONNX graph: unpack stored weights, compute chosen nodes in float16."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

_LAYERS = ("BatchNormalization", "Conv", "ConvTranspose", "Gemm", "MatMul")
_ELEMENTWISE = ("Add", "Clip", "Div", "HardSigmoid", "HardSwish", "LeakyRelu", "Mul", "PRelu")
_ELEMENTWISE_TOO = ("Relu", "Sigmoid", "Softmax", "Sub", "Tanh")
_POOLS = ("AveragePool", "GlobalAveragePool", "MaxPool", "ReduceL2", "ReduceMean", "ReduceSum")
_SHAPES = ("Concat", "Expand", "Flatten", "Gather", "GatherND", "Reshape", "Slice", "Split")
_SHAPES_TOO = ("Squeeze", "Transpose", "Unsqueeze")
#: Operations that give the same sense in float16 as in float32.
HALF_OPS: Final = frozenset(
    (*_LAYERS, *_ELEMENTWISE, *_ELEMENTWISE_TOO, *_POOLS, *_SHAPES, *_SHAPES_TOO)
)
#: Operations with weights: a half-precision network is divided at these.
WEIGHTED_OPS: Final = frozenset(("Conv", "ConvTranspose", "Gemm", "MatMul"))


def unpack_weights(model: onnx.ModelProto) -> None:
    """Turn weights that are stored as float16 with a ``Cast`` behind into float32 weights."""
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    kept = []
    for node in model.graph.node:
        tensor = stored.get(node.input[0]) if node.op_type == "Cast" else None
        if tensor is None or tensor.data_type != TensorProto.FLOAT16:
            kept.append(node)
            continue
        values = numpy_helper.to_array(tensor).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
    _replace_nodes(model, kept)
    remove_unused_weights(model)


def remove_unused_weights(model: onnx.ModelProto) -> None:
    """Drop the initializers that no node reads."""
    used = {name for node in model.graph.node for name in node.input}
    kept = [tensor for tensor in model.graph.initializer if tensor.name in used]
    del model.graph.initializer[:]
    model.graph.initializer.extend(kept)


def segments(model: onnx.ModelProto, count: int) -> list[list[str]]:
    """Names of the nodes that could compute in float16, as ``count`` runs with equal many layers.

    Nodes are in the order of the graph; a layer is a node with weights and what follows it.
    """
    floats = float_tensors(model)
    names = [n.name for n in model.graph.node if _is_convertible(n, floats)]
    weighted = {n.name for n in model.graph.node if n.op_type in WEIGHTED_OPS}
    layers = max(sum(name in weighted for name in names), 1)
    runs: list[list[str]] = [[] for _ in range(count)]
    seen = 0
    for name in names:
        seen += name in weighted
        runs[min(max(seen - 1, 0) * count // layers, count - 1)].append(name)
    return [run for run in runs if run]


def backbone_segments(model: onnx.ModelProto, count: int) -> list[list[str]]:
    """Runs of nodes before the first fully connected layer."""
    whole = [name for run in segments(model, 1) for name in run]
    kinds = {node.name: node.op_type for node in model.graph.node}
    dense = (i for i, name in enumerate(whole) if kinds[name] in ("Gemm", "MatMul"))
    backbone = set(whole[: next(dense, len(whole))])
    layers = sum(kinds[name] in WEIGHTED_OPS for name in backbone)
    total = max(sum(kinds[name] in WEIGHTED_OPS for name in whole), 1)
    # Divide the whole so finely that the backbone gets its count.
    runs = segments(model, max(1, round(count * total / max(layers, 1))))
    return [kept for run in runs if (kept := [name for name in run if name in backbone])]


def float_tensors(model: onnx.ModelProto) -> set[str]:
    """Names of all float32 tensors of the graph."""
    graph = onnx.shape_inference.infer_shapes(model).graph
    values = [*graph.value_info, *graph.input, *graph.output]
    found = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
    return found | {t.name for t in graph.initializer if t.data_type == TensorProto.FLOAT}


def _is_convertible(node: onnx.NodeProto, floats: Collection[str]) -> bool:
    return node.op_type in HALF_OPS and any(name in floats for name in node.output)


def to_half(model: onnx.ModelProto, half: Collection[str]) -> onnx.ModelProto:
    """Copy of a float32 model whose nodes named in ``half`` compute in float16.

    Inputs and outputs of the model stay float32; casts stand only where the precision changes.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    floats = float_tensors(model)
    weights = {tensor.name: tensor for tensor in result.graph.initializer}
    made: set[str] = {value.name for value in result.graph.input} | set(weights)
    nodes: list[onnx.NodeProto] = []

    def in_half(name: str) -> str:
        other = f"{name}.half"
        if other not in made:
            made.add(other)
            if name in weights:
                values = numpy_helper.to_array(weights[name]).astype(np.float16)
                result.graph.initializer.append(numpy_helper.from_array(values, other))
            else:
                nodes.append(helper.make_node("Cast", [name], [other], to=TensorProto.FLOAT16))
        return other

    def in_float(name: str) -> str:
        if name not in made:
            made.add(name)
            half_name = f"{name}.half"
            nodes.append(helper.make_node("Cast", [half_name], [name], to=TensorProto.FLOAT))
        return name

    for node in model.graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        halved = node.name in half
        if halved and not _is_convertible(node, floats):
            raise ValueError(f"{node.name} ({node.op_type}) cannot compute in float16")
        change = in_half if halved else in_float
        copy.input[:] = [change(name) if name in floats else name for name in node.input]
        if halved:
            copy.output[:] = [f"{n}.half" if n in floats else n for n in node.output]
        made.update(copy.output)
        nodes.append(copy)
    for value in result.graph.output:
        in_float(value.name)
    _replace_nodes(result, nodes)
    remove_unused_weights(result)
    onnx.checker.check_model(result, full_check=True)
    return result


def round_outputs(model: onnx.ModelProto, half: Collection[str]) -> onnx.ModelProto:
    """Float32 model that answers as :func:`to_half` would: outputs and weights rounded to float16.

    Processors have no float16 arithmetic, and ONNX Runtime silently computes half-precision nodes
    in float32 without rounding in between.  Here every result is rounded by a pair of casts, so
    that the processor shows what a GPU that adds up in float32 would give.
    """
    result = onnx.ModelProto()
    result.CopyFrom(model)
    floats = float_tensors(model)
    weights = {tensor.name: tensor for tensor in result.graph.initializer}
    nodes: list[onnx.NodeProto] = []
    rounded: set[str] = set()
    for node in model.graph.node:
        copy = onnx.NodeProto()
        copy.CopyFrom(node)
        nodes.append(copy)
        if node.name not in half:
            continue
        for index, name in enumerate(node.input):
            if name in weights and name in floats:
                copy.input[index] = f"{name}.rounded"
                rounded.add(name)
        for index, name in enumerate(node.output):
            if name in floats:
                copy.output[index] = f"{name}.exact"
                nodes.extend(_rounding(f"{name}.exact", name))
    for name in rounded:
        values = numpy_helper.to_array(weights[name]).astype(np.float16).astype(np.float32)
        result.graph.initializer.append(numpy_helper.from_array(values, f"{name}.rounded"))
    _replace_nodes(result, nodes)
    remove_unused_weights(result)
    return result


def _rounding(source: str, target: str) -> Iterable[onnx.NodeProto]:
    half = f"{target}.half"
    yield helper.make_node("Cast", [source], [half], to=TensorProto.FLOAT16)
    yield helper.make_node("Cast", [half], [target], to=TensorProto.FLOAT)


def _replace_nodes(model: onnx.ModelProto, nodes: Iterable[onnx.NodeProto]) -> None:
    nodes = list(nodes)
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    del model.graph.value_info[:]  # tells of the types before the change
