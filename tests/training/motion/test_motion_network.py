"""Windows, the motion network, a few steps of training, and its measure."""

import numpy as np
import pytest
import torch

from hmr_live.body.model import BodyModel
from hmr_live_training.motion import windows
from hmr_live_training.motion.films import save_films
from hmr_live_training.motion.measure import motion_rows
from hmr_live_training.motion.network import MotionInput, MotionNetwork, blank_state
from hmr_live_training.motion.train import losses_of
from hmr_live_training.motion.train import main as train
from hmr_live_training.motion.windows import (
    CapturedWindows,
    FilmWindows,
    Skeleton,
    mirrored,
    stretches,
)
from tests.training.motion.cases import FRAMES, film
from tests.training.synthetic.synthetic_data import write_data


@pytest.fixture(scope="module")
def body():
    return BodyModel.default()


@pytest.fixture(scope="module")
def films(body):
    return FilmWindows(body, [film(seed) for seed in range(3)])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data"))


def assert_rotations(rotmats):
    eye = torch.eye(3).expand_as(rotmats)
    torch.testing.assert_close(rotmats @ rotmats.transpose(-1, -2), eye, atol=1e-4, rtol=0)


def test_a_window_of_a_film_has_answers_beside_the_truth(films):
    window = films.draw(np.random.default_rng(0), 6)
    assert window.frames.joints.shape == (6, windows.LENGTH, 22, 3)
    assert window.frames.joints[:, :, 0].abs().max() == 0
    assert_rotations(window.frames.rotmats)
    wrong = (window.frames.rotmats - window.rotmats).abs().mean()
    assert 0.01 < wrong < 0.2
    assert window.contacts.min() == 1


def test_frames_without_a_person_part_stretches(body):
    made = film(0, lost=(10, 11))
    found = stretches(body, made, made.answers["tiny"])
    assert [len(each.true_rotmats) for each in found] == [10, FRAMES - 12]


def test_captured_motion_gets_errors_of_the_size_that_networks_have(body, data, films, monkeypatch):
    monkeypatch.setattr(windows, "LENGTH", 4)
    captured = CapturedWindows(body, data, films)
    window = captured.draw(np.random.default_rng(0), 24)
    for field in (*window.frames, *window[1:]):
        assert torch.isfinite(field).all()
    assert_rotations(window.frames.rotmats)
    assert_rotations(window.rotmats)
    skeleton = Skeleton(body)
    places, true = (
        skeleton.joints(skeleton.turns(r)) for r in (window.frames.rotmats, window.rotmats)
    )
    error = (places - true).norm(dim=-1).mean()
    assert 0.03 < error < 0.15
    # Mostly depth, as of networks.
    along = (places - true).abs().mean(dim=(0, 1, 2))
    assert along[2] > 1.3 * along[:2].max()


def test_the_mirror_of_a_mirror_is_the_window(films):
    window = films.draw(np.random.default_rng(1), 2)
    again = mirrored(mirrored(window))
    for before, after in zip(
        (*window.frames, *window[1:]), (*again.frames, *again[1:]), strict=True
    ):
        torch.testing.assert_close(before, after)
    torch.testing.assert_close(mirrored(window).frames.place[..., 0], -window.frames.place[..., 0])


def test_the_skeleton_is_the_bodys(body):
    made = film(0)
    skeleton = Skeleton(body)
    turns = skeleton.turns(torch.from_numpy(made.rotmats))
    expected = body.joints(made.rotmats[7], made.betas)
    np.testing.assert_allclose(skeleton.joints(turns)[7], expected - expected[0], atol=1e-5)
    torch.testing.assert_close(
        skeleton.relative(turns), torch.from_numpy(made.rotmats), atol=1e-5, rtol=0
    )


def test_a_network_that_knows_nothing_changes_nothing(films):
    window = films.draw(np.random.default_rng(0), 2)
    output, _ = MotionNetwork().eval()(window.frames, blank_state(2))
    torch.testing.assert_close(output.rotmats, window.frames.rotmats, atol=1e-5, rtol=0)
    torch.testing.assert_close(output.up.norm(dim=-1), torch.ones(2, windows.LENGTH))


def test_frame_by_frame_is_the_same_as_all_at_once(films):
    torch.manual_seed(0)
    network = MotionNetwork().eval()
    torch.nn.init.normal_(network.turns.weight, std=0.05)
    frames = films.draw(np.random.default_rng(0), 2).frames
    whole, _ = network(frames, blank_state(2))
    state = blank_state(2)
    for t in range(8):
        one, state = network(MotionInput(*(field[:, t : t + 1] for field in frames)), state)
        torch.testing.assert_close(one.rotmats[:, 0], whole.rotmats[:, t], atol=1e-5, rtol=0)


def test_a_few_steps_lower_the_loss(body, films):
    torch.manual_seed(0)
    network, skeleton = MotionNetwork(), Skeleton(body)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    window = films.draw(np.random.default_rng(0), 8)
    seen = []
    for _ in range(12):
        output, _ = network(window.frames, blank_state(8))
        losses = losses_of(skeleton, output, window)
        optimizer.zero_grad()
        sum(losses.values()).backward()
        optimizer.step()
        seen.append({name: float(value.detach()) for name, value in losses.items()})
    for name in ("joints", "rotations", "contacts", "spread"):
        assert seen[-1][name] < seen[0][name], name


def test_training_writes_a_network_that_is_measured(data, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(windows, "LENGTH", 4)
    save_films(tmp_path / "films.npz", [film(0)])
    out = tmp_path / "motion.pt"
    given = [str(tmp_path / "films.npz"), f"--data={data}", "--steps=2", f"--out={out}"]
    assert train(given) == 0
    assert "step 2" in capsys.readouterr().out
    network = MotionNetwork().eval()
    network.load_state_dict(torch.load(out, weights_only=True))
    rows = motion_rows([film(1)], network)
    found = {row.condition: row.figures for row in rows}
    assert set(found) == {"as answered", "live filters", "corrected", "corrected, live filters"}
    assert found["as answered"]["MPJPE"].value > 5
    assert found["live filters"]["jitter"].value < found["as answered"]["jitter"].value
    assert 0 <= found["corrected"]["contacts, F1"].value <= 100


def test_the_truth_has_no_error():
    made = film(0, noise=0.0)
    (row,) = (r for r in motion_rows([made]) if r.condition == "as answered")
    assert row.figures["MPJPE"].value == pytest.approx(0, abs=0.1)
    assert row.figures["facing the wrong way"].value == 0
