"""Write ONNX files: export with a dynamic batch, then store the weights as float16.

BlazePose's weights are float16 in their source files, so storing them that way loses nothing and
halves the file.  A ``Cast`` behind each stored weight returns float32: the arithmetic stays in
float32, and run times fold the casts when they load the file.
"""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

OPSET = 18
#: Smaller tensors (biases, constants of the body) stay in float32.
_MIN_SIZE = 256


def export_onnx(
    module: nn.Module,
    example: Tensor | tuple[Tensor, ...],
    path: Path,
    outputs: Sequence[str],
    *,
    inputs: Sequence[str] = ("image",),
    keep_float32: Sequence[str] = (),
) -> None:
    """Export ``module(image, ...)`` with a dynamic batch dimension ``n``; replace ``path`` at once.

    Parameters
    ----------
    module
        Takes the inputs, returns a tuple of tensors.
    example
        A batch of at least two (a batch of one would be exported as a constant) of each input.
    path
        The file to write; a reader sees either the old or the new one, never a part.
    outputs
        Names of the outputs, in order.
    inputs
        Names of the inputs, in order.
    keep_float32
        Weights whose names contain one of these words are stored as float16 only where that
        changes nothing.
    """
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    count = torch.export.Dim("n")
    with warnings.catch_warnings():
        # All inputs have the batch in common; the exporter says that it names it once.
        warnings.filterwarnings("ignore", message=".*axis name: n will not be used")
        program = torch.onnx.export(
            module.eval(),
            (example,) if isinstance(example, Tensor) else example,
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_shapes=tuple({0: count} for _ in inputs),
            opset_version=OPSET,
            dynamo=True,
            verbose=False,
        )
    if program is None:  # pragma: no cover - only the old exporter returns None
        raise RuntimeError("torch.onnx.export returned no program")
    model = program.model_proto
    _clear_descriptions(model)
    store_as_float16(model, keep_float32)
    onnx.checker.check_model(model)
    write_atomically(path, model.SerializeToString())


def _clear_descriptions(model: onnx.ModelProto) -> None:
    """Drop the exporter's notes (file names and lines of the machine that exported)."""
    del model.metadata_props[:]
    del model.graph.metadata_props[:]
    model.doc_string = model.graph.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
        value.doc_string = ""


def store_as_float16(model: onnx.ModelProto, keep: Sequence[str] = ()) -> None:
    """Turn large float32 weights into float16 weights with a ``Cast`` back to float32."""
    casts = []
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        large = values.dtype == np.float32 and values.size >= _MIN_SIZE
        if not large:
            continue
        half = values.astype(np.float16)
        # What was never trained is float16 by birth and loses nothing.
        kept = any(word in tensor.name for word in keep)
        if kept and not np.array_equal(half.astype(np.float32), values):
            continue
        name = tensor.name
        stored = numpy_helper.from_array(half, f"{name}.float16")
        tensor.CopyFrom(stored)
        casts.append(helper.make_node("Cast", [stored.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)


def write_atomically(path: Path, content: bytes) -> None:
    """Write beside ``path`` and rename, so that a reader never meets half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_bytes(content)
    temporary.replace(path)
