"""The two ways to turn convolutions into INT8; both give ONNX files that every back end reads."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)

from hmr_live.backends.base import FOCAL
from hmr_live.core.errors import AssetError
from hmr_live.core.telemetry import import_without_telemetry
from hmr_live_training.export.precision import Array

CALIBRATION: Final = {
    "minmax": CalibrationMethod.MinMax,
    "percentile": CalibrationMethod.Percentile,
    "entropy": CalibrationMethod.Entropy,
}

#: In halves of the crop.
_USUAL_FOCAL = 4.0


class _Crops(CalibrationDataReader):  # type: ignore[misc]  # a package without types
    """Hands the calibration one crop after the other."""

    def __init__(self, model: onnx.ModelProto, crops: Array) -> None:
        self._crops = iter(_inputs(model, crops))

    def get_next(self) -> dict[str, Array] | None:
        """Next input, None at the end."""
        return next(self._crops, None)


def _inputs(model: onnx.ModelProto, crops: Array) -> list[dict[str, Array]]:
    """What the network takes for each crop; the focal length touches no convolution."""
    names = [given.name for given in model.graph.input]
    usual = np.full((1, 1), _USUAL_FOCAL, np.float32)
    return [{name: usual if name == FOCAL else crop[None] for name in names} for crop in crops]


class Quantiser(Protocol):
    """Quantises a chosen part of one float32 network."""

    def quantise(self, names: Sequence[str]) -> onnx.ModelProto:
        """The network with the named nodes in INT8, as far as their kind allows it."""
        ...


class OnnxRuntimeQuantiser:
    """Convolutions, by ranges alone, with ONNX Runtime's own tools.

    Parameters
    ----------
    model
        With its weights unpacked.
    crops
        ``(N, 3, size, size)`` real inputs, from which the ranges come.
    calibration
        Key of :data:`CALIBRATION`.
    """

    def __init__(self, model: onnx.ModelProto, crops: Array, calibration: str) -> None:
        self._model = onnx.shape_inference.infer_shapes(model)
        self._crops = crops
        self._method = CALIBRATION[calibration]
        self._convolutions = [n.name for n in model.graph.node if n.op_type == "Conv"]

    def quantise(self, names: Sequence[str]) -> onnx.ModelProto:
        """See :class:`Quantiser`."""
        chosen = set(names)
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "float32.onnx", Path(folder) / "int8.onnx"
            onnx.save(self._model, source)
            quantize_static(
                str(source),
                str(target),
                _Crops(self._model, self._crops),
                quant_format=QuantFormat.QDQ,
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
                calibrate_method=self._method,
                nodes_to_quantize=[n for n in self._convolutions if n in chosen],
                op_types_to_quantize=["Conv"],
            )
            return onnx.load(target)


class NncfQuantiser:
    """Convolutions and the sums between them, with NNCF.

    Biases are corrected for what rounding does to the mean of every channel.

    Parameters
    ----------
    model
        With its weights unpacked.
    crops
        ``(N, 3, size, size)`` real inputs.

    Raises
    ------
    AssetError
        If NNCF is not installed.
    """

    def __init__(self, model: onnx.ModelProto, crops: Array) -> None:
        try:
            nncf = import_without_telemetry("nncf")
        except ImportError as error:
            raise AssetError(
                f"NNCF is not installed ({error}): pip install 'hmr-live[quantisation]', or take "
                "--method onnxruntime."
            ) from error
        # It would report every node that it leaves alone.
        nncf.set_log_level(logging.ERROR)
        self._nncf = nncf
        self._model = model
        self._crops = nncf.Dataset(_inputs(model, crops))
        self._count = len(crops)

    def quantise(self, names: Sequence[str]) -> onnx.ModelProto:
        """See :class:`Quantiser`."""
        chosen = set(names)
        left = [node.name for node in self._model.graph.node if node.name not in chosen]
        scope = self._nncf.IgnoredScope(names=left)
        quantised: onnx.ModelProto = self._nncf.quantize(
            self._model, self._crops, subset_size=self._count, ignored_scope=scope
        )
        return quantised
