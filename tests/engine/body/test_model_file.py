"""Body files: what is SMPL is read, whatever else is offered ends in one sentence."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hmr_live.body.model_file import BodyFile, read_body_file
from hmr_live.core.assets import asset_path
from hmr_live.core.errors import AssetError
from tests.engine.body.body_cases import NUM_VERTICES, tiny_body, write_npz, write_official_pickle

ARRAYS = {
    "v_template": "v_template",
    "shapedirs": "shapedirs",
    "posedirs": "posedirs",
    "weights": "weights",
    "j_regressor": "J_regressor",
    "faces": "f",
}


def assert_same(file: BodyFile, content: dict[str, Any]) -> None:
    for attribute, key in ARRAYS.items():
        read = getattr(file, attribute)
        np.testing.assert_allclose(read, content[key][..., : read.shape[-1]], rtol=1e-6)
        assert read.dtype == (np.int32 if key == "f" else np.float32)


def refusal(path: Path) -> str:
    """The sentence; it must name the file and be one."""
    with pytest.raises(AssetError) as caught:
        read_body_file(path)
    sentence = str(caught.value)
    assert path.name in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence
    return sentence


# ------------------------------------------------------------------------------ what is read


def test_npz_is_read(tmp_path: Path) -> None:
    content = tiny_body()
    file = read_body_file(write_npz(tmp_path / "mine.npz", content))
    assert_same(file, content)
    assert file.name == "mine"
    assert file.vertex_ids == {}


@pytest.mark.parametrize("layout", ["csc", "csr", "coo"])
@pytest.mark.parametrize("protocol", [0, 2, 4])
def test_official_pickle_is_read_without_chumpy_and_scipy(
    tmp_path: Path, layout: str, protocol: int
) -> None:
    content = tiny_body()
    path = write_official_pickle(
        tmp_path / "basicmodel.pkl", content, layout=layout, protocol=protocol
    )
    assert b"chumpy" in path.read_bytes()
    assert_same(read_body_file(path), content)


def test_pickle_of_plain_arrays_is_read(tmp_path: Path) -> None:
    content = tiny_body()
    content["v_template"] = np.asfortranarray(content["v_template"])
    content["weights"] = content["weights"].astype(">f4")
    path = tmp_path / "plain.pkl"
    path.write_bytes(pickle.dumps(content, protocol=5))
    assert_same(read_body_file(path), content)


def test_of_300_shape_directions_the_first_ten_are_kept(tmp_path: Path) -> None:
    content = tiny_body(num_shapes=300)
    file = read_body_file(write_official_pickle(tmp_path / "female.pkl", content))
    np.testing.assert_allclose(file.shapedirs, content["shapedirs"][:, :, :10], rtol=1e-6)


def test_kind_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    npz = write_npz(tmp_path / "a.npz", tiny_body()).rename(tmp_path / "a.pkl")
    assert_same(read_body_file(npz), tiny_body())


def test_sha256_tells_bodies_apart(tmp_path: Path) -> None:
    one = read_body_file(write_npz(tmp_path / "one.npz", tiny_body(seed=1)))
    two = read_body_file(write_npz(tmp_path / "two.npz", tiny_body(seed=2)))
    assert one.sha256 != two.sha256
    assert len(one.sha256) == 64


def test_shipped_body_names_its_surface_points() -> None:
    file = read_body_file(asset_path("body", "open_body.npz"))
    assert len(file.v_template) == 6889
    assert {"nose", "leye", "RHeel", "LBigToe"} <= set(file.vertex_ids)


# --------------------------------------------------------------------------- what is refused


class Evil:
    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.mark),)


def test_pickle_that_runs_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    mark = tmp_path / "it_ran"
    content = tiny_body() | {"extra": Evil(mark)}
    path = tmp_path / "evil.pkl"
    path.write_bytes(pickle.dumps(content, protocol=2))
    assert "mkdir" in refusal(path)
    assert not mark.exists()
    pickle.loads(path.read_bytes())
    assert mark.exists(), "the pickle of this test is not dangerous, so it proves nothing"


def test_npz_that_runs_code_is_refused_and_nothing_runs(tmp_path: Path) -> None:
    mark = tmp_path / "it_ran"
    content = tiny_body() | {"v_template": np.array([Evil(mark)], dtype=object)}
    refusal(write_npz(tmp_path / "evil.npz", content))
    assert not mark.exists()


@pytest.mark.parametrize(
    "payload",
    [
        b"cbuiltins\neval\n(S'1+1'\ntR.",
        b"c__builtin__\ngetattr\n(S'a'\nS'upper'\ntR.",
        b"cnumpy\nload\n(S'x'\ntR.",
        b"cnumpy.testing._private.utils\nrunstring\n(S'x'\n}tR.",
        b"cscipy.sparse\nload_npz\n(S'x'\ntR.",
        b"\x80\x04\x8c\x05numpy\x8c\x0ef2py.os.system\x93.",
        b"\x80\x04\x8c\x02os\x8c\x03a\nb\x93.",
        b"P0\n.",
    ],
)
def test_every_name_outside_of_the_list_is_refused(tmp_path: Path, payload: bytes) -> None:
    path = tmp_path / "crafted.pkl"
    path.write_bytes(payload)
    assert "asks for" in refusal(path)


def test_numpy_object_arrays_are_refused(tmp_path: Path) -> None:
    content = tiny_body()
    content["v_template"] = content["v_template"].astype(object)
    pickled = tmp_path / "objects.pkl"
    pickled.write_bytes(pickle.dumps(content, protocol=2))
    assert "'v_template'" in refusal(pickled)
    assert "'v_template'" in refusal(write_npz(tmp_path / "objects.npz", content))


@pytest.mark.parametrize("writer", ["npz", "pkl"])
def test_truncated_files_are_refused_wherever_they_end(tmp_path: Path, writer: str) -> None:
    whole = tmp_path / f"whole.{writer}"
    if writer == "npz":
        np.savez_compressed(whole, **tiny_body())
    else:
        write_official_pickle(whole, tiny_body())
    data = whole.read_bytes()
    for share in (0.0001, 0.3, 0.7, 0.99):
        cut = tmp_path / f"cut.{writer}"
        cut.write_bytes(data[: int(len(data) * share)])
        refusal(cut)


def test_damaged_npz_member_is_refused(tmp_path: Path) -> None:
    path = write_npz(tmp_path / "bits.npz", tiny_body())
    data = bytearray(path.read_bytes())
    data[2000] ^= 0xFF
    path.write_bytes(data)
    assert "damaged" in refusal(path)


def test_npz_that_unpacks_to_gigabytes_is_refused_before_unpacking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hmr_live.body.model_file._MAX_ARRAY_BYTES", 10_000)
    path = tmp_path / "bomb.npz"
    np.savez_compressed(path, **(tiny_body() | {"posedirs": np.zeros((NUM_VERTICES, 3, 207))}))
    assert "larger" in refusal(path)


@pytest.mark.parametrize(
    "key", ["v_template", "f", "shapedirs", "posedirs", "weights", "J_regressor", "kintree_table"]
)
def test_missing_array_is_named(tmp_path: Path, key: str) -> None:
    content = tiny_body()
    del content[key]
    sentence = refusal(write_npz(tmp_path / "less.npz", content))
    assert key in sentence
    assert "missing" in sentence


@pytest.mark.parametrize("key", ["v_template", "shapedirs", "posedirs", "weights", "J_regressor"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_values_that_are_not_finite_are_refused(tmp_path: Path, key: str, value: float) -> None:
    content = tiny_body()
    content[key].flat[3] = value
    assert key in refusal(write_npz(tmp_path / "nan.npz", content))


@pytest.mark.parametrize(
    ("key", "index"),
    [
        ("v_template", np.s_[:-1]),
        ("shapedirs", np.s_[:, :2]),
        ("posedirs", np.s_[:, :, :-9]),
        ("J_regressor", np.s_[:, 1:]),
        ("f", np.s_[:, :2]),
        ("kintree_table", np.s_[:, :-1]),
    ],
)
def test_shapes_that_do_not_fit_are_refused(
    tmp_path: Path, key: str, index: tuple[slice, ...]
) -> None:
    content = tiny_body()
    content[key] = content[key][index]
    refusal(write_npz(tmp_path / "shape.npz", content))


@pytest.mark.parametrize(
    ("joints", "name"), [(55, "SMPL-X"), (52, "SMPL-H"), (16, "MANO"), (5, "FLAME"), (33, "33")]
)
def test_relatives_of_smpl_are_called_by_name(tmp_path: Path, joints: int, name: str) -> None:
    content = tiny_body()
    content["weights"] = np.full((NUM_VERTICES, joints), 1 / joints)
    sentence = refusal(write_npz(tmp_path / "relative.npz", content))
    assert name in sentence
    assert "24 joints" in sentence


def test_another_skeleton_is_refused(tmp_path: Path) -> None:
    content = tiny_body()
    content["kintree_table"][0, 5] = 1
    assert "connected" in refusal(write_npz(tmp_path / "tree.npz", content))


def test_triangles_of_vertices_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    content = tiny_body()
    content["f"][2, 1] = NUM_VERTICES
    assert "triangles" in refusal(write_npz(tmp_path / "faces.npz", content))


def test_weights_that_do_not_sum_to_one_are_refused(tmp_path: Path) -> None:
    content = tiny_body()
    content["weights"][4] *= 2
    assert "sum" in refusal(write_npz(tmp_path / "weights.npz", content))


def test_nine_shape_directions_are_too_few(tmp_path: Path) -> None:
    assert "9" in refusal(write_npz(tmp_path / "few.npz", tiny_body(num_shapes=9)))


@pytest.mark.parametrize(
    "data", [b"", b"hello, this is a text file\n", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04 no zip"]
)
def test_files_of_another_kind_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "holiday.npz"
    path.write_bytes(data)
    refusal(path)


def test_pickle_of_another_thing_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.pkl"
    path.write_bytes(pickle.dumps([1, 2, 3]))
    refusal(path)


def test_missing_file_and_folder_are_told_apart(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nowhere.npz")
    assert "folder" in refusal(tmp_path)
