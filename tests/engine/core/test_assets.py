from __future__ import annotations

from pathlib import Path

import pytest

from hmr_live.core.assets import asset_path, network_file
from tests.shipped import BODY_NETWORKS


@pytest.mark.parametrize("name", BODY_NETWORKS)
def test_a_shipped_network_is_found_by_its_name(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert network_file(name) == asset_path("networks", f"{name}.onnx")


def test_a_path_stays_a_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("full.onnx", "./full", "networks/full", "mine"):
        assert network_file(name) == Path(name)


def test_a_file_of_that_name_comes_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").touch()
    assert network_file("full") == Path("full")
