from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from hmr_live.angles import joint_angles
from hmr_live.body.model import BodyModel
from hmr_live.body.rotations import matrix_from_axis_angle
from hmr_live.body.skeleton import NUM_JOINTS
from hmr_live.core.errors import RenderError
from hmr_live.core.state import Array, BodyState, CropBox, Frame, Image
from hmr_live.recovery.frame_camera import project
from hmr_live.render import offscreen
from hmr_live.render.body_renderer import BodyRenderer
from hmr_live.render.image_plane import ImagePlane, Rectangle, letterbox
from hmr_live.render.mesh_simplify import (
    simplify_by_clustering,
    sort_faces_by_morton_code,
    vertex_normals,
)
from hmr_live.render.offscreen import OffscreenRenderer
from hmr_live.render.palette import body_color
from hmr_live.render.skinning import FLOATS_PER_VERTEX, strongest_influences
from hmr_live.render.view_camera import VIEW_FROM_CAMERA, ViewCamera, perspective

SIZE = (320, 240)
FOCAL = 300.0
PINHOLE = perspective(FOCAL, SIZE) @ VIEW_FROM_CAMERA


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return BodyModel.default()


@pytest.fixture(scope="module")
def renderer(body: BodyModel) -> Iterator[OffscreenRenderer]:
    renderer = OffscreenRenderer(body)
    yield renderer
    renderer.close()


def standing(body: BodyModel, transl: tuple[float, float, float] = (0.0, 0.2, 4.0)) -> BodyState:
    """A person in T-pose who faces the camera."""
    rotmats = np.tile(np.eye(3, dtype=np.float32), (NUM_JOINTS, 1, 1))
    rotmats[0] = np.diag([1, -1, -1])
    place = np.array(transl, np.float32)
    joints = np.asarray(body.joints(rotmats, np.zeros(10, np.float32)) + place)
    return BodyState(
        rotmats=rotmats,
        betas=np.zeros(10, np.float32),
        transl=place,
        focal_length=FOCAL,
        camera=np.array([1, 0, 0], np.float32),
        crop_box=CropBox(160, 120, 240),
        joints=joints,
        joints_2d=joints[:, :2] / joints[:, 2:] * FOCAL + np.array(SIZE) / 2,
        confidence=np.ones(NUM_JOINTS, np.float32),
        score=1.0,
        angles_of=joint_angles,
    )


def random_pose(seed: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    theta = rng.normal(0, 0.6, (NUM_JOINTS, 3)).astype(np.float32)
    betas = rng.normal(0, 1.5, 10).astype(np.float32)
    return matrix_from_axis_angle(theta), betas, rng.normal(0, 1, 3).astype(np.float32)


def grey_frame(size: tuple[int, int] = SIZE, value: int = 90) -> Frame:
    return Frame(np.full((size[1], size[0], 3), value, np.uint8), 0.0, 0)


@pytest.mark.parametrize("on_gpu", [True, False], ids=["by shaders", "in numpy"])
def test_vertices_skinned_on_the_gpu_equal_the_numpy_body_within_a_millimetre(
    renderer: OffscreenRenderer, body: BodyModel, on_gpu: bool
) -> None:
    gpu = BodyRenderer(renderer.ctx, body, software=not on_gpu)
    for seed in range(6):
        rotmats, betas, transl = random_pose(seed)
        gpu.pose(rotmats, betas, transl)
        expected = body.forward(rotmats, betas).vertices + transl
        assert np.abs(gpu.read_vertices() - expected).max() < 1e-3


def test_two_people_keep_their_own_vertices(renderer: OffscreenRenderer, body: BodyModel) -> None:
    gpu = BodyRenderer(renderer.ctx, body)
    poses = [random_pose(seed) for seed in (1, 2)]
    for slot, pose in enumerate(poses):
        gpu.pose(*pose, slot=slot)
    for slot, (rotmats, betas, transl) in enumerate(poses):
        expected = body.forward(rotmats, betas).vertices + transl
        assert np.abs(gpu.read_vertices(slot) - expected).max() < 1e-3


def test_skinned_normals_point_out_of_the_posed_surface(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    gpu = BodyRenderer(renderer.ctx, body)
    theta = np.random.default_rng(3).normal(0, 0.25, (NUM_JOINTS, 3)).astype(np.float32)
    gpu.pose(matrix_from_axis_angle(theta), np.zeros(10, np.float32), np.zeros(3, np.float32))
    buffer = np.frombuffer(gpu._slots[0].buffer.read(), np.float32)
    skinned = buffer.reshape(-1, FLOATS_PER_VERTEX)[:, 3:].copy()
    skinned /= np.linalg.norm(skinned, axis=1, keepdims=True)
    cosines = (skinned * vertex_normals(gpu.read_vertices(), body.faces)).sum(axis=1)
    # Linear blend skinning turns normals like vertices, which is only nearly right at the joints.
    assert np.median(cosines) > 0.99
    assert np.quantile(cosines, 0.02) > 0.7


def test_rest_normals_point_outwards(body: BodyModel) -> None:
    normals = vertex_normals(body.v_template, body.faces)
    chest = np.argmax(body.v_template[:, 2] * (np.abs(body.v_template[:, 0]) < 0.1))
    crown = np.argmax(body.v_template[:, 1])
    assert normals[chest, 2] > 0.5
    assert normals[crown, 1] > 0.8


def test_eight_influences_lose_nothing_on_the_open_body(body: BodyModel) -> None:
    joints, weights = strongest_influences(body.weights)
    rebuilt = np.zeros_like(body.weights)
    np.put_along_axis(rebuilt, joints.astype(np.int64), weights, axis=1)
    np.testing.assert_allclose(rebuilt, body.weights, atol=1e-6)


def test_projection_puts_points_where_the_pinhole_model_puts_them() -> None:
    points = np.random.default_rng(0).uniform([-1, -1, 2], [1, 1, 6], (50, 3))
    clip = np.c_[points, np.ones(50)] @ PINHOLE.T
    ndc = clip[:, :3] / clip[:, 3:]
    pixels = (ndc[:, :2] * [1, -1] + 1) / 2 * SIZE
    np.testing.assert_allclose(
        pixels, points[:, :2] / points[:, 2:] * FOCAL + np.array(SIZE) / 2, atol=1e-3
    )
    assert (np.abs(ndc[:, 2]) < 1).all()
    nearer_first = np.argsort(points[:, 2])
    assert (np.diff(ndc[nearer_first, 2]) > 0).all()


def test_silhouette_covers_exactly_the_projected_body(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    state = standing(body)
    covered = renderer.silhouette(SIZE, state)
    assert covered.shape == (SIZE[1], SIZE[0])
    vertices = body.forward(state.rotmats, state.betas).vertices + state.transl
    pixels = project(vertices, FOCAL, SIZE)
    rows, columns = np.nonzero(covered)
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    # A pixel is covered when its centre is: the box may differ by one pixel.
    np.testing.assert_allclose(found, np.r_[pixels.min(axis=0), pixels.max(axis=0)], atol=1.0)


def test_silhouette_follows_the_person_to_the_right(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    middle = renderer.silhouette(SIZE, standing(body))
    right = renderer.silhouette(SIZE, standing(body, (0.4, 0.2, 4.0)))
    shift = FOCAL * 0.4 / 4.0
    moved = np.nonzero(right)[1].mean() - np.nonzero(middle)[1].mean()
    assert moved == pytest.approx(shift, abs=1.0)


def test_overlay_changes_the_body_and_nothing_else(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    state, frame = standing(body), grey_frame()
    picture = renderer.overlay(frame, [state])
    changed = np.abs(picture.astype(int) - frame.image).max(axis=2) > 3
    covered = renderer.silhouette(SIZE, state)
    assert picture.shape == frame.image.shape
    assert picture.dtype == np.uint8
    assert changed[covered].mean() > 0.9
    # Smooth edges reach one pixel beyond the silhouette.
    assert not changed[~_grown(covered)].any()


@pytest.mark.parametrize("where", [(0.0, 0.2, 4.0), (1.9, 0.2, 4.0), (0.1, -0.4, 1.5)])
def test_only_the_part_with_people_is_drawn_and_nobody_can_tell(
    renderer: OffscreenRenderer,
    body: BodyModel,
    where: tuple[float, float, float],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(renderer, "_samples", 0)
    noise = np.random.default_rng(4).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    state = standing(body, where)
    picture = renderer.overlay(Frame(noise, 0.0, 0), [state], opacity=0.8)
    plane = ImagePlane(renderer.ctx)
    plane.upload(noise, SIZE)
    target = renderer.ctx.simple_framebuffer(SIZE, 4)
    target.use()
    target.clear(depth=1.0)
    plane.draw(Rectangle(0, 0, *SIZE))
    renderer.bodies.pose(state.rotmats, state.betas, state.transl)
    renderer.bodies.draw(
        ViewCamera.over_frame(state, SIZE), opacity=0.8, over=plane, color=body_color(0)
    )
    data = np.frombuffer(target.read(components=3), np.uint8)
    whole = data.reshape(SIZE[1], SIZE[0], 3)[::-1, :, ::-1]
    covered = renderer.silhouette(SIZE, state)
    assert covered.any()
    assert (np.abs(picture.astype(int) - whole).max(axis=2) > 2).sum() < 0.002 * covered.sum()
    assert (np.abs(picture.astype(int) - noise).max(axis=2) > 0)[covered].mean() > 0.95


def test_people_beside_the_frame_leave_it_as_it_is(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    frame = grey_frame()
    picture = renderer.overlay(frame, [standing(body, (9.0, 0.2, 4.0))])
    np.testing.assert_array_equal(picture, frame.image)
    assert picture is not frame.image


@pytest.mark.parametrize("depth", [0.3, 0.1, 0.0, -0.3])
def test_somebody_at_or_behind_the_lens_is_drawn_without_harm(
    renderer: OffscreenRenderer, body: BodyModel, depth: float
) -> None:
    picture = renderer.overlay(grey_frame(), [standing(body, (0.1, 0.2, depth))])
    assert picture.shape == (SIZE[1], SIZE[0], 3)


def test_what_is_nearer_is_drawn_larger(renderer: OffscreenRenderer, body: BodyModel) -> None:
    """A person who leans towards the camera has a larger head than one who leans away."""
    widths = []
    for lean in (0.9, -0.9):
        state = standing(body, (0.0, 0.2, 2.0))
        turn = matrix_from_axis_angle(np.array([lean, 0, 0], np.float32))
        state = replace(
            state, rotmats=np.concatenate([(state.rotmats[0] @ turn)[None], state.rotmats[1:]])
        )
        covered = renderer.silhouette(SIZE, state)
        vertices = body.forward(state.rotmats, state.betas).vertices + state.transl
        pixels = project(vertices, FOCAL, SIZE)
        columns = np.flatnonzero(covered.any(axis=0))
        np.testing.assert_allclose(
            [columns[0], columns[-1] + 1], [pixels[:, 0].min(), pixels[:, 0].max()], atol=1.0
        )
        widths.append(np.ptp(columns))
    assert widths[0] > 1.2 * widths[1]


def test_overlay_without_anybody_is_the_frame_itself(renderer: OffscreenRenderer) -> None:
    noise = np.random.default_rng(1).integers(0, 255, (240, 320, 3), dtype=np.uint8)
    picture = renderer.overlay(Frame(noise, 0.0, 0), [])
    np.testing.assert_array_equal(picture, noise)


def test_opacity_lets_the_frame_through_but_never_the_far_side_of_the_body(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    state, frame = standing(body), grey_frame()
    inside = renderer.silhouette(SIZE, state) & ~_grown(~renderer.silhouette(SIZE, state))
    solid = renderer.overlay(frame, [state], opacity=1.0).astype(float)
    half = renderer.overlay(frame, [state], opacity=0.5).astype(float)
    np.testing.assert_allclose(half[inside], (solid[inside] + 90) / 2, atol=2)


def painted(
    renderer: OffscreenRenderer,
    bodies: BodyRenderer,
    state: BodyState,
    *,
    opacity: float = 1.0,
    over: ImagePlane | None = None,
) -> Array:
    """The body over what is in the framebuffer of SIZE in use, ``(H, W, 3)``."""
    bodies.pose(state.rotmats, state.betas, state.transl)
    target = renderer.ctx.simple_framebuffer(SIZE, 4)
    target.use()
    target.clear(0.2, 0.3, 0.4, 1.0)
    if over is not None:
        over.draw(Rectangle(40, 20, 200, 150))
    renderer.ctx.viewport = (0, 0, *SIZE)
    bodies.draw(ViewCamera.over_frame(state, SIZE), opacity=opacity, over=over)
    data = np.frombuffer(target.read(components=3), np.uint8)
    return data.reshape(SIZE[1], SIZE[0], 3)[::-1].astype(float)


def test_light_at_the_vertices_looks_like_light_at_the_pixels(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    state = standing(body, (0.0, 0.2, 0.9))
    pixels, vertices = (
        painted(renderer, BodyRenderer(renderer.ctx, body, software=software), state)
        for software in (False, True)
    )
    assert np.abs(pixels - vertices).mean() < 0.5
    assert np.quantile(np.abs(pixels - vertices), 0.99) < 12


def test_a_picture_shines_through_as_it_would_by_blending(
    renderer: OffscreenRenderer, body: BodyModel
) -> None:
    plane = ImagePlane(renderer.ctx)
    noise = np.random.default_rng(2).integers(0, 255, (150, 200, 3), dtype=np.uint8)
    plane.upload(noise, (200, 150))
    state = standing(body, (0.0, 0.1, 4.0))
    bodies = BodyRenderer(renderer.ctx, body)
    solid = painted(renderer, bodies, state, over=plane, opacity=1.0)
    mixed = painted(renderer, bodies, state, over=plane, opacity=0.6)
    covered = np.abs(solid - painted(renderer, bodies, state, over=plane, opacity=0.0)).max(2) > 0
    inside = np.zeros(covered.shape, bool)
    inside[SIZE[1] - 170 : SIZE[1] - 20, 40:240] = True
    inside &= covered
    assert inside.sum() > 500
    behind = np.zeros_like(solid)
    behind[SIZE[1] - 170 : SIZE[1] - 20, 40:240] = noise[:, :, ::-1]
    np.testing.assert_allclose(mixed[inside], 0.6 * solid[inside] + 0.4 * behind[inside], atol=1.5)


@pytest.mark.parametrize(("depth", "same"), [(0.9, True), (4.0, False)], ids=["near", "far"])
def test_software_renderers_draw_fewer_triangles_of_a_small_body(
    renderer: OffscreenRenderer, body: BodyModel, depth: float, same: bool
) -> None:
    state = standing(body, (0.0, 0.2, depth))
    bodies = BodyRenderer(renderer.ctx, body, software=True)
    bodies.pose(state.rotmats, state.betas, state.transl)
    picture = painted(renderer, bodies, state)
    drawn = np.abs(picture - picture[0, 0]).max(axis=2) > 0
    covered = renderer.silhouette(SIZE, state)
    union, both = (drawn | covered).sum(), (drawn & covered).sum()
    assert bool(both == union) is same
    assert both / union > 0.97


def test_fewer_faces_join_some_of_the_same_vertices(body: BodyModel) -> None:
    light = simplify_by_clustering(body.v_template, body.faces, 0.03)
    assert len(light) < 0.5 * len(body.faces)
    assert light.max() < len(body.v_template)
    a, b, c = light.T
    assert ((a != b) & (b != c) & (c != a)).all()
    # They still face outwards.
    corners = body.v_template[light]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = vertex_normals(body.v_template, body.faces)[light].mean(axis=1)
    assert ((across * normals).sum(axis=1) >= 0).all()


def test_faces_in_patches_are_the_same_faces_and_share_their_vertices(body: BodyModel) -> None:
    patches = sort_faces_by_morton_code(body.v_template, body.faces)
    assert sorted(map(tuple, patches.tolist())) == sorted(map(tuple, body.faces.tolist()))

    def worked_out(faces: np.ndarray) -> int:
        batches = np.array_split(faces.reshape(-1), 40)
        return sum(len(np.unique(batch)) for batch in batches)

    assert worked_out(patches) < 1.4 * len(body.v_template)


def test_a_fine_pattern_becomes_an_even_grey_when_it_is_reduced(
    renderer: OffscreenRenderer,
) -> None:
    pattern = np.indices((480, 640)).sum(axis=0) % 2 * 200
    picture = np.repeat(pattern[:, :, None], 3, axis=2).astype(np.uint8)
    plane = ImagePlane(renderer.ctx)
    plane.upload(picture, (150, 112))
    assert plane._texture is not None
    texels = np.frombuffer(plane._texture.read(), np.uint8).reshape(112, 149, 4)[..., :3]
    np.testing.assert_allclose(texels, 100, atol=1)


def test_large_pictures_are_reduced_before_upload(renderer: OffscreenRenderer) -> None:
    plane = ImagePlane(renderer.ctx)
    plane.upload(np.zeros((1080, 1920, 3), np.uint8), (480, 270))
    assert plane._texture is not None
    assert plane._texture.size == (480, 270)


def test_letterbox_keeps_proportions_and_stays_inside() -> None:
    assert letterbox((640, 480), Rectangle(10, 20, 400, 400)) == Rectangle(10, 70, 400, 300)
    assert letterbox((480, 640), Rectangle(0, 0, 400, 400)) == Rectangle(50, 0, 300, 400)


def test_no_opengl_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, body: BodyModel
) -> None:
    def refuse(*args: object, **kwargs: object) -> None:
        raise Exception("cannot create context")  # what glcontext raises

    monkeypatch.setattr(offscreen.moderngl, "create_context", refuse)
    with pytest.raises(RenderError, match=r"OpenGL 3\.3"):
        OffscreenRenderer(body)


def _grown(mask: Image | np.ndarray) -> np.ndarray:
    """The mask and its neighbours."""
    padded = np.pad(mask, 1)
    shifts = [
        padded[1 + dy : padded.shape[0] - 1 + dy, 1 + dx : padded.shape[1] - 1 + dx]
        for dy in (-1, 0, 1)
        for dx in (-1, 0, 1)
    ]
    return np.logical_or.reduce(shifts)
