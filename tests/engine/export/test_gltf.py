"""glTF files, read by pygltflib and checked by Khronos' validator where it is installed."""

from __future__ import annotations

import json
import shutil
import subprocess

import numpy as np
import pygltflib
import pytest

from hmr_live.body.rotations import angle_between, matrix_from_axis_angle
from hmr_live.body.skeleton import JOINT_NAMES
from hmr_live.export.gltf import write_gltf
from tests.engine.export.accuracy import assert_same_places, assert_turned_alike
from tests.engine.export.takes import world_rotations

TYPES = {5126: np.float32, 5121: np.uint8, 5125: np.uint32}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}

#: Prints what Khronos' validator finds; npm install gltf-validator, and NODE_PATH, bring it.
VALIDATE = """
const validator = require("gltf-validator");
const data = new Uint8Array(require("fs").readFileSync(process.argv[1]));
validator.validateBytes(data).then((report) => console.log(JSON.stringify(report.issues)));
"""


class Document:
    """The parts of a file, by a reader that we did not write, with skinning by the standard."""

    def __init__(self, path):
        self.gltf = pygltflib.GLTF2().load_binary(str(path))
        self.blob = self.gltf.binary_blob()

    def array(self, index):
        accessor = self.gltf.accessors[index]
        view = self.gltf.bufferViews[accessor.bufferView]
        kind, width = TYPES[accessor.componentType], WIDTHS[accessor.type]
        start = view.byteOffset + (accessor.byteOffset or 0)
        flat = np.frombuffer(self.blob, kind, accessor.count * width, start)
        return flat.reshape(accessor.count, width)

    @property
    def attributes(self):
        (primitive,) = self.gltf.meshes[0].primitives
        return primitive.attributes

    def frame(self, number):
        """World matrices ``(24, 4, 4)`` of the skin's joints in a frame."""
        local = {}
        for index, node in enumerate(self.gltf.nodes):
            local[index] = (np.array(node.translation or [0, 0, 0]), np.array([0, 0, 0, 1.0]))
        (animation,) = self.gltf.animations
        for channel in animation.channels:
            value = self.array(animation.samplers[channel.sampler].output)[number]
            place, turn = local[channel.target.node]
            moved = channel.target.path == "translation"
            local[channel.target.node] = (value, turn) if moved else (place, value)
        world = {}

        def visit(node, above):
            place, (x, y, z, w) = local[node]
            matrix = np.eye(4)
            # The standard's quaternion, as an axis with an angle.
            sine = np.linalg.norm([x, y, z])
            axis = np.array([x, y, z]) / max(sine, 1e-12)
            matrix[:3, :3] = matrix_from_axis_angle(axis * 2 * np.arctan2(sine, w))
            matrix[:3, 3] = place
            world[node] = above @ matrix
            for child in self.gltf.nodes[node].children or []:
                visit(child, world[node])

        for root in self.gltf.scenes[0].nodes:
            visit(root, np.eye(4))
        return np.array([world[joint] for joint in self.gltf.skins[0].joints])

    def skinned(self, number):
        """Vertices ``(V, 3)`` in a frame."""
        inverse = self.array(self.gltf.skins[0].inverseBindMatrices)
        bind = inverse.reshape(-1, 4, 4).transpose(0, 2, 1)
        moves = self.frame(number) @ bind
        rest = self.array(self.attributes.POSITION)
        indices, weights = (
            self.array(self.attributes.JOINTS_0),
            self.array(self.attributes.WEIGHTS_0),
        )
        blended = np.einsum("vk,vkij->vij", weights, moves[indices])
        return np.einsum("vij,vj->vi", blended[:, :3, :3], rest) + blended[:, :3, 3]


@pytest.fixture(scope="module")
def document(clip, tmp_path_factory):
    path = tmp_path_factory.mktemp("gltf") / "walk.glb"
    write_gltf(clip, path)
    return Document(path)


def test_joints_are_where_the_person_is(document, clip):
    turned = world_rotations(clip.rotmats)
    for frame in (0, 17, 59):
        matrices = document.frame(frame)
        assert_same_places(matrices[:, :3, 3], clip.joints[frame])
        assert_turned_alike(matrices[:, :3, :3], turned[frame])
    names = [document.gltf.nodes[joint].name for joint in document.gltf.skins[0].joints]
    assert names == list(JOINT_NAMES)


def test_skin_is_the_body_but_for_pose_correctives_and_weak_weights(document, clip, body):
    distances = []
    for frame in (0, 17, 59):
        expected = body.forward(clip.rotmats[frame].astype(np.float32), clip.betas).vertices
        found = document.skinned(frame)
        distances.append(np.linalg.norm(found - expected - clip.transl[frame], axis=1))
    # Correctives and left-out weights move single vertices near bent joints by centimetres.
    assert np.mean(distances) < 0.006
    assert np.percentile(distances, 99) < 0.04


def test_mesh_at_rest_has_the_shape(document, clip, body):
    rest = document.array(document.attributes.POSITION)
    np.testing.assert_allclose(rest, body.v_template + body.shapedirs @ clip.betas, atol=1e-6)
    normals = document.array(document.attributes.NORMAL)
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)
    # Outwards: away from the middle of the body, for nearly all vertices of the head.
    head = rest[:, 1] > np.percentile(rest[:, 1], 99)
    outward = rest[head] - rest[head].mean(axis=0)
    assert ((outward * normals[head]).sum(axis=1) > 0).mean() > 0.8


def test_numbers_keep_the_rules_of_the_standard(document):
    weights = document.array(document.attributes.WEIGHTS_0)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert not document.array(document.attributes.JOINTS_0)[weights == 0].any()
    for accessor in document.gltf.accessors:
        view = document.gltf.bufferViews[accessor.bufferView]
        assert view.byteOffset % 4 == 0
    (animation,) = document.gltf.animations
    for sampler in animation.samplers:
        times, values = document.array(sampler.input), document.array(sampler.output)
        assert len(times) == len(values) == 60
        assert (np.diff(times[:, 0]) > 0).all()
        if values.shape[1] == 4:
            np.testing.assert_allclose(np.linalg.norm(values, axis=1), 1, atol=1e-5)
            # Linear interpolation must not go the long way round.
            assert ((values[1:] * values[:-1]).sum(axis=1) > 0).all()
    position = document.gltf.accessors[document.attributes.POSITION]
    rest = document.array(document.attributes.POSITION)
    np.testing.assert_allclose([position.min, position.max], [rest.min(axis=0), rest.max(axis=0)])


def test_a_turn_between_frames_is_followed(document, clip):
    moved = angle_between(clip.rotmats[1:], clip.rotmats[:-1]).max()
    assert moved > np.deg2rad(2), "the person of the test moves"


def test_khronos_validator_finds_nothing(clip, tmp_path):
    node = shutil.which("node")
    if node is None:
        pytest.skip("there is no node")
    write_gltf(clip, tmp_path / "walk.glb")
    ended = subprocess.run(
        [node, "-e", VALIDATE, str(tmp_path / "walk.glb")],
        capture_output=True,
        text=True,
        check=False,
    )
    if "Cannot find module 'gltf-validator'" in ended.stderr:
        pytest.skip("gltf-validator is not installed")
    issues = json.loads(ended.stdout)
    assert (issues["numErrors"], issues["numWarnings"]) == (0, 0), issues
