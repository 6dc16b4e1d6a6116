"""The command ``hmr-live bench``."""

from __future__ import annotations

import sys

import pytest

from hmr_live_app.cli.main import main


def test_several_back_ends_take_turns_on_the_clip(demo_clip, capsys):
    arguments = ["--frames", "2", "--backend", "onnxruntime,onnxruntime:fp32", "--threads", "1"]
    assert main(["bench", str(demo_clip), *arguments]) == 0
    said = capsys.readouterr().out
    assert "balancing.mp4, 2 frames, interleaved" in said
    assert said.count("ONNX Runtime") == 2
    assert said.count("network ") == 2
    assert "body alone" in said
    assert "times as fast" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--backend", "onnxruntime:int8"], "no full_int8.onnx validated for onnxruntime"),
        (["--backend", "abacus"], "There is no back end called 'abacus'"),
        (["--mediapipe", sys.executable], "mediapipe==0.10.21"),
        (["--mediapipe", "none/bin/python"], "MediaPipe cannot be started"),
        (["--frames", "0", "--backend", "onnxruntime"], "at least one frame"),
        (["none.mp4"], "none.mp4"),
    ],
)
def test_bad_input_ends_with_one_sentence(arguments, words, capsys):
    assert main(["bench", *arguments]) == 1
    said = capsys.readouterr().err
    assert words in said
    assert len(said.strip().splitlines()) == 1
