"""Candidates for a lower precision: ONNX graphs in memory, compared before one is written."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnx

from hmr_live.body.model import BodyModel
from hmr_live.recovery.network import HmrNetwork
from hmr_live_training.export.precision import (
    JointChange,
    JointPrediction,
    Subject,
    change_between,
    predict,
)


def open_candidate(
    model: onnx.ModelProto, manifest: dict[str, Any], threads: int = 1
) -> HmrNetwork:
    """Run a changed graph under the manifest of the network that it came from."""
    content = model.SerializeToString()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "candidate.onnx"
        path.write_bytes(content)
        described = {**manifest, "sha256": hashlib.sha256(content).hexdigest()}
        path.with_suffix(".json").write_text(json.dumps(described))
        return HmrNetwork(path, backend="onnxruntime", threads=threads)


class CandidateComparison:
    """Compares candidates with the network that they were made from, over the same people."""

    def __init__(
        self,
        network: HmrNetwork,
        subjects: Sequence[Subject],
        body: BodyModel,
        threads: int = 1,
    ) -> None:
        self._manifest = network.manifest
        self._subjects = subjects
        self._body = body
        self._threads = threads
        self._reference: JointPrediction = predict(network, subjects, body)

    def change(self, model: onnx.ModelProto) -> JointChange:
        """How far a candidate moves the joints."""
        return self.change_of(open_candidate(model, self._manifest, self._threads))

    def change_of(self, network: HmrNetwork) -> JointChange:
        """How far an open network moves them."""
        return change_between(predict(network, self._subjects, self._body), self._reference)
