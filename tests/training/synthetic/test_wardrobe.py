"""MakeHuman's clothes on the open body: where they lie, how they follow, what they cover."""

import numpy as np
import pytest
import scipy.spatial

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT
from hmr_live.core.errors import AssetError
from hmr_live_training.body_builder.wardrobe.asset_files import read_proxy
from hmr_live_training.synthetic.materials import Materials
from hmr_live_training.synthetic.people.bound_piece import BoundPiece, blended_rotations
from hmr_live_training.synthetic.people.makehuman import WornPiece
from hmr_live_training.synthetic.people.person import Dresser
from hmr_live_training.synthetic.poses.sampler import PoseSampler
from hmr_live_training.synthetic.scene_config import SyntheticConfig
from hmr_live_training.synthetic.surface import BodySurface
from hmr_live_training.synthetic.wardrobe.piece_file import (
    KINDS,
    Piece,
    read_pieces,
    write_pieces,
)
from tests.training.synthetic.synthetic_data import write_data

NO_SHAPE = np.zeros(10, np.float32)
STILL = np.tile(np.eye(3, dtype=np.float32), (24, 1, 1))
NAMES = [piece.name for piece in read_pieces()]

MHCLO = """# made for this test
basemesh hm08
x_scale 0 1 2.0
verts 0
2
0 1 2 0.5 0.25 0.25 1.0 0.5 0.0
1
"""
OBJ = """v 0 0 0
v 1 0 0
v 0 1 0
vt 0 0
vt 1 0
vt 0 1
f 1/1 2/2 3/3
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


@pytest.fixture(scope="module")
def surface(body):
    return BodySurface(body)


@pytest.fixture(scope="module")
def bound(surface):
    return {piece.name: BoundPiece(surface, piece) for piece in read_pieces()}


def pose(bound_piece, surface, rotmats, betas=NO_SHAPE, **wanted):
    skin = surface.body.forward(rotmats, betas).vertices
    return bound_piece.pose(skin, blended_rotations(surface, rotmats, betas), **wanted)


def test_every_kind_is_there():
    assert {piece.kind for piece in read_pieces()} == set(KINDS)


@pytest.mark.parametrize("name", NAMES)
def test_a_piece_lies_at_rest_where_it_was_made(bound, surface, name):
    piece = bound[name].piece
    posed = pose(bound[name], surface, STILL)
    away = np.abs(posed.vertices - piece.points[piece.corners])
    assert away.max() < 1e-3


@pytest.mark.parametrize("name", NAMES)
def test_a_piece_surrounds_the_body(bound, surface, name):
    """Nearly all of it is outside the skin, and no farther away than hair and skirts hang."""
    piece = bound[name].piece
    distances, near = surface.tree.query(piece.points)
    outside = np.einsum("pi,pi->p", piece.points - surface.rest[near], surface.rest_normals[near])
    assert np.percentile(outside, 5) > -0.012
    assert distances.max() < (0.15 if piece.kind in ("hair", "skirt") else 0.08)


def test_clothes_stay_near_the_skin_that_they_are_on(bound, surface, data, body):
    poses = PoseSampler(data, "train", body, SyntheticConfig())
    rng = np.random.default_rng(0)
    worn = [b for b in bound.values() if b.piece.kind not in ("hair", "hat", "skirt")]
    for _ in range(10):
        rotmats, betas = poses.draw(rng), rng.normal(0, 1, 10).astype(np.float32)
        skin = scipy.spatial.cKDTree(body.forward(rotmats, betas).vertices)
        for piece in worn:
            distances, _ = skin.query(pose(piece, surface, rotmats, betas).vertices)
            assert np.percentile(distances, 99) < 0.08
            assert distances.max() < 0.12


def test_a_skirt_hangs_from_both_legs(bound, surface):
    """With one thigh forward, the middle of the hem is about half as far forward."""
    rotmats = STILL.copy()
    rotmats[JOINT["left_hip"]] = matrix_from_axis_angle(np.array([-1.0, 0, 0], np.float32))
    skirt = bound["long_skirt_0"]
    rest = skirt.piece.points[skirt.piece.corners]
    moved = (pose(skirt, surface, rotmats).vertices - rest)[:, 2]
    knee = np.abs(rest[:, 1] - surface.joints[JOINT["left_knee"], 1]) < 0.03
    left, middle, right = (
        moved[knee & (rest[:, 2] > 0) & (np.abs(rest[:, 0] - x) < 0.03)].mean()
        for x in (0.12, 0.0, -0.12)
    )
    assert right < middle < left
    assert middle == pytest.approx(0.5 * (left + right), abs=0.25 * (left - right))


def test_shoes_hide_the_feet_and_trousers_the_knees(bound, surface, body):
    toes = surface.rest[:, 1] < surface.joints[JOINT["left_ankle"], 1] - 0.05
    knees = np.abs(surface.rest[:, 1] - surface.joints[JOINT["left_knee"], 1]) < 0.04
    for name, part in (("shoes01_0", toes), ("shoes02_0", toes), ("male_casualsuit04_1", knees)):
        assert bound[name].covers(0.0)[part].all()
    hands = body.weights[:, [JOINT["left_hand"], JOINT["right_hand"]]].sum(axis=1) > 0.5
    for piece in bound.values():
        assert not piece.covers(0.0)[hands].any()


def test_a_piece_is_cut_off_where_it_shall_end(bound, surface):
    knee = float(surface.joints[JOINT["left_knee"], 1])
    trousers = bound["male_casualsuit04_1"]
    posed = pose(trousers, surface, STILL, lowest=knee)
    assert posed.vertices[posed.faces.ravel(), 1].min() > knee - 1e-3
    assert not trousers.covers(0.0, knee)[surface.rest[:, 1] < knee].any()


def test_a_shirt_is_worn_over_the_trousers(bound):
    shirt, trousers = bound["female_casualsuit01_0"], bound["male_elegantsuit01_0"]
    none, wide = np.zeros(len(shirt.piece.points)), np.full(len(trousers.piece.points), 0.01)
    outwards = shirt.clear_of(trousers, wide, none)
    assert outwards.max() > 0.003
    chest = shirt.piece.points[:, 1] > 0
    np.testing.assert_array_equal(outwards[chest], none[chest])


def test_about_as_many_people_as_wanted_wear_them(surface, data):
    materials = Materials(data, "train")
    for share in (0.0, 0.5, 1.0):
        dresser = Dresser(surface, materials, share)
        rng = np.random.default_rng(0)
        people = [dresser.person(rng, STILL, NO_SHAPE, np.zeros(3)) for _ in range(60)]
        worn = np.mean([isinstance(person.outfit[0], WornPiece) for person in people])
        assert worn == pytest.approx(share, abs=0.2 * (share == 0.5))


def test_the_same_seed_dresses_the_same(surface, data):
    def vertices():
        dresser = Dresser(surface, Materials(data, "train"), 1.0)
        person = dresser.person(np.random.default_rng(4), STILL, NO_SHAPE, np.zeros(3))
        return [layer.surface.vertices for layer in dresser.layers(person)]

    first, second = vertices(), vertices()
    assert len(first) == len(second) > 2
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_asset_is_read_and_laid_on_the_base_mesh(tmp_path):
    (tmp_path / "cap.mhclo").write_text(MHCLO)
    (tmp_path / "cap.obj").write_text(OBJ)
    proxy = read_proxy(tmp_path / "cap.mhclo")
    base = np.array([[0.0, 0, 0], [0.4, 0, 0], [0, 0.4, 0]])
    expected = [base[2], [0.1 + 0.2, 0.1 + 0.5, 0], base[1]]
    np.testing.assert_allclose(proxy.on(base), expected)
    np.testing.assert_array_equal(proxy.faces, [[0, 1, 2]])


def test_an_asset_whose_files_do_not_fit_is_refused(tmp_path):
    (tmp_path / "cap.mhclo").write_text(MHCLO + "0\n")
    (tmp_path / "cap.obj").write_text(OBJ)
    with pytest.raises(AssetError, match=r"binds 4 vertices.*has 3"):
        read_proxy(tmp_path / "cap.mhclo")


def test_a_wardrobe_is_written_and_read(tmp_path):
    points = np.array([[0.1, -1.2, 0.0], [0.2, 0, 0], [0, 0.3, 0]])
    cloth = np.array([[0.0, 0], [1.5, 0], [0, 1], [2, 2]])
    faces = np.array([[0, 1, 2], [1, 3, 2]])
    piece = Piece("a_0", "a", "top", points, np.array([0, 1, 2, 0]), cloth, faces)
    write_pieces(tmp_path / "pieces.npz", [piece, piece])
    first, second = read_pieces(tmp_path / "pieces.npz")
    assert (second.name, second.outfit, second.kind) == ("a_0", "a", "top")
    for part in (first, second):
        np.testing.assert_allclose(part.points, points, atol=5e-5)
        np.testing.assert_allclose(part.cloth, cloth, atol=5e-4)
        np.testing.assert_array_equal(part.corners, piece.corners)
        np.testing.assert_array_equal(part.faces, faces)


def test_a_missing_wardrobe_says_how_to_make_it(tmp_path):
    with pytest.raises(AssetError, match=r"body_builder\.wardrobe"):
        read_pieces(tmp_path / "missing.npz")
