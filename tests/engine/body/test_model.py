"""The numpy body equals its slow, obvious twin and smplx, and can be shared between threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT, MIRROR, NUM_JOINTS, PARENTS
from tests.engine.body.body_cases import tiny_body, write_npz

SAME_METRES = 1e-5


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.default()


@pytest.fixture
def dense_body(tmp_path: Path) -> BodyModel:
    """A body whose correctives reach every vertex, as those of the official files do."""
    return BodyModel.load(write_npz(tmp_path / "dense.npz", tiny_body()))


def random_pose(random: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    axis_angles = random.normal(0, 0.6, (NUM_JOINTS, 3)).astype(np.float32)
    return matrix_from_axis_angle(axis_angles), random.normal(0, 1.5, 10).astype(np.float32)


def slow_forward(body: BodyModel, rotmats: np.ndarray, betas: np.ndarray) -> tuple:
    """SMPL as its paper writes it, joint by joint and in float64."""
    shaped = body.v_template.astype(float) + body.shapedirs.astype(float) @ betas
    rest = body.j_regressor.astype(float) @ shaped
    feature = (rotmats[1:].astype(float) - np.eye(3)).ravel()
    corrected = shaped + body.posedirs.astype(float) @ feature
    world = []
    for joint, parent in enumerate(PARENTS):
        local = np.eye(4)
        local[:3, :3] = rotmats[joint]
        local[:3, 3] = rest[joint] - (rest[parent] if parent >= 0 else 0)
        world.append(local if parent < 0 else world[parent] @ local)
    vertices = np.zeros_like(corrected)
    for joint in range(NUM_JOINTS):
        moved = (corrected - rest[joint]) @ world[joint][:3, :3].T + world[joint][:3, 3]
        vertices += body.weights[:, joint, None] * moved
    return vertices, np.array([matrix[:3, 3] for matrix in world])


def test_forward_equals_smplx_on_100_poses_and_shapes(body: BodyModel) -> None:
    torch = pytest.importorskip("torch")
    from hmr_live_training.models.smplx_reference import smplx_body

    reference = smplx_body(body)
    random = np.random.default_rng(7)
    for _ in range(100):
        rotmats, betas = random_pose(random)
        with torch.inference_mode():
            expected = reference(
                betas=torch.tensor(betas)[None],
                global_orient=torch.tensor(rotmats)[None, :1],
                body_pose=torch.tensor(rotmats)[None, 1:],
                pose2rot=False,
            )
        mesh = body.forward(rotmats, betas)
        np.testing.assert_allclose(mesh.vertices, expected.vertices[0].numpy(), atol=SAME_METRES)
        np.testing.assert_allclose(
            mesh.joints, expected.joints[0, :NUM_JOINTS].numpy(), atol=SAME_METRES
        )


@pytest.mark.parametrize("which", ["body", "dense_body"])
def test_forward_equals_the_paper_written_out(which: str, request: pytest.FixtureRequest) -> None:
    model: BodyModel = request.getfixturevalue(which)
    rotmats, betas = random_pose(np.random.default_rng(1))
    vertices, joints = slow_forward(model, rotmats, betas)
    mesh = model.forward(rotmats, betas)
    np.testing.assert_allclose(mesh.vertices, vertices, atol=SAME_METRES)
    np.testing.assert_allclose(mesh.joints, joints, atol=SAME_METRES)


def test_joints_alone_equal_those_of_forward(body: BodyModel) -> None:
    rotmats, betas = random_pose(np.random.default_rng(2))
    mesh = body.forward(rotmats, betas)
    np.testing.assert_array_equal(body.joints(rotmats, betas), mesh.joints)


def test_t_pose_is_the_template_and_its_joints_are_the_rest_joints(body: BodyModel) -> None:
    identity, zero = np.tile(np.eye(3, dtype=np.float32), (NUM_JOINTS, 1, 1)), np.zeros(10)
    mesh = body.forward(identity, zero)
    np.testing.assert_allclose(mesh.vertices, body.v_template, atol=1e-6)
    np.testing.assert_allclose(mesh.joints, body.rest_joints(zero), atol=1e-6)


def test_skinning_transforms_and_pose_feature_are_enough_to_skin_elsewhere(body: BodyModel) -> None:
    rotmats, betas = random_pose(np.random.default_rng(3))
    rest = body.v_template + body.shapedirs @ betas + body.posedirs @ body.pose_feature(rotmats)
    mixed = np.einsum("vj,jab->vab", body.weights, body.skinning_transforms(rotmats, betas))
    vertices = np.einsum("vab,vb->va", mixed[:, :3, :3], rest) + mixed[:, :3, 3]
    np.testing.assert_allclose(vertices, body.forward(rotmats, betas).vertices, atol=SAME_METRES)


def test_pose_feature_is_row_major_and_leaves_the_root_out(body: BodyModel) -> None:
    rotmats = np.tile(np.eye(3, dtype=np.float32), (NUM_JOINTS, 1, 1))
    rotmats[0] = np.diag([-1, -1, 1])
    assert not body.pose_feature(rotmats).any()
    rotmats[JOINT["left_hip"], 0, 1] = 0.5
    assert np.flatnonzero(body.pose_feature(rotmats)).tolist() == [1]


def test_results_are_not_overwritten_by_the_next_call(body: BodyModel) -> None:
    random = np.random.default_rng(4)
    pose = random_pose(random)
    first = body.forward(*pose)
    vertices, joints = first.vertices.copy(), first.joints.copy()
    transforms = body.skinning_transforms(*pose)
    kept = transforms.copy()
    body.forward(*random_pose(random))
    np.testing.assert_array_equal(first.vertices, vertices)
    np.testing.assert_array_equal(first.joints, joints)
    np.testing.assert_array_equal(transforms, kept)


def test_two_threads_may_share_one_body(body: BodyModel) -> None:
    random = np.random.default_rng(5)
    poses = [random_pose(random) for _ in range(15)]
    alone = [body.forward(*pose).vertices for pose in poses]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda pose: body.forward(*pose).vertices, poses * 4))
    for index, vertices in enumerate(together):
        np.testing.assert_array_equal(vertices, alone[index % len(poses)])


def test_arrays_of_a_body_cannot_be_changed(body: BodyModel) -> None:
    with pytest.raises(ValueError, match="read-only"):
        body.v_template[0] = 0


@pytest.mark.parametrize(
    ("rotmats", "betas"),
    [(np.zeros((23, 3, 3)), np.zeros(10)), (np.zeros((24, 3, 3)), np.zeros(16))],
)
def test_wrong_shapes_are_refused(body: BodyModel, rotmats: np.ndarray, betas: np.ndarray) -> None:
    with pytest.raises(ValueError, match="must be"):
        body.forward(rotmats, betas)


class TestTheShippedBody:
    def test_stands_upright_faces_forward_and_has_a_person_s_size(self, body: BodyModel) -> None:
        low, high = body.v_template.min(axis=0), body.v_template.max(axis=0)
        assert 1.6 < high[1] - low[1] < 1.8
        nose = body.v_template[body.vertex_ids["nose"]]
        head = body.rest_joints(np.zeros(10))[JOINT["head"]]
        assert nose[2] > head[2] + 0.05

    def test_is_symmetric(self, body: BodyModel) -> None:
        rest = body.rest_joints(np.zeros(10))
        np.testing.assert_allclose(rest[list(MIRROR)] * [-1, 1, 1], rest, atol=2e-3)
        assert rest[JOINT["left_wrist"], 0] > 0.5

    def test_first_betas_are_height_and_slimness(self, body: BodyModel) -> None:
        def size(index: int, value: float) -> np.ndarray:
            betas = np.zeros(10)
            betas[index] = value
            vertices = body.v_template + body.shapedirs @ betas
            torso = vertices[body.weights[:, JOINT["spine1"]] > 0.5]
            return np.array([np.ptp(vertices[:, 1]), np.ptp(torso[:, 2])])

        assert size(0, 2)[0] > size(0, -2)[0] + 0.2
        assert size(1, 2)[1] < size(1, -2)[1] - 0.03

    def test_bending_the_left_knee_moves_the_left_shin_backwards_only(
        self, body: BodyModel
    ) -> None:
        axis_angles = np.zeros((NUM_JOINTS, 3))
        axis_angles[JOINT["left_knee"], 0] = np.pi / 2
        bent = body.joints(matrix_from_axis_angle(axis_angles), np.zeros(10))
        rest = body.rest_joints(np.zeros(10))
        assert bent[JOINT["left_ankle"], 2] < rest[JOINT["left_ankle"], 2] - 0.3
        np.testing.assert_allclose(
            bent[JOINT["right_ankle"]], rest[JOINT["right_ankle"]], atol=1e-6
        )

    def test_says_that_it_is_free(self, body: BodyModel) -> None:
        assert body.licence.startswith("CC0-1.0")
