"""Shipped recipes can be read and say what the shipped networks are; errors say what to do."""

from __future__ import annotations

import pytest

from hmr_live.core.assets import asset_path, read_manifest
from hmr_live_training.recipes.recipe import find_recipe, load_recipe, shipped_recipes
from hmr_live_training.recipes.run_config import RunConfig
from hmr_live_training.recipes.stages import PersonScore, TeacherLabels
from hmr_live_training.recipes.yaml_values import RecipeError

NETWORKS = ("full", "lite", "heavy")
#: Names and lengths of runs have changed since the networks were trained.
_FREE = {"name", "start_from", "steps", "teacher"}


def test_there_is_a_recipe_for_each_network():
    assert set(NETWORKS) <= set(shipped_recipes())
    assert find_recipe("full") == find_recipe("full.yaml")
    with pytest.raises(RecipeError, match="one of full"):
        find_recipe("fuller")


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_training_is_that_of_the_shipped_network(name):
    recipe = load_recipe(find_recipe(name))
    *_, last = [s.settings for s in recipe.stages if isinstance(s.settings, RunConfig)]
    manifest = read_manifest(asset_path("networks", f"{name}.onnx"))
    shipped = RunConfig.from_dict(manifest["training"]["run"])
    found, expected = last.to_dict(), shipped.to_dict()
    assert {k: v for k, v in found.items() if k not in _FREE} == {
        k: v for k, v in expected.items() if k not in _FREE
    }
    assert recipe.network == recipe.encoder == name
    assert manifest["iterations"] == last.iterations


@pytest.mark.parametrize("name", NETWORKS)
def test_all_training_holds_the_same_photos_out_and_shapes_fit(name):
    recipe = load_recipe(find_recipe(name))
    hidden = None
    for stage in recipe.stages:
        if isinstance(stage.settings, RunConfig):
            assert stage.settings.held_photos == 371
            assert hidden in (None, stage.settings.hidden)
            hidden = stage.settings.hidden
            assert RunConfig.from_dict(stage.settings.to_dict()) == stage.settings
        if stage.kind == "prune_regressor":
            hidden = stage.settings.hidden


def test_a_trained_start_leaves_the_first_stages_out():
    recipe = load_recipe(find_recipe("full"))
    names = [stage.name for stage in recipe.started("shipped").stages]
    assert "regressor_warm_up" not in names
    assert "prune_regressor" not in names
    assert "perspective_regressor" not in names
    assert names.index("perspective_end_to_end") < names.index("export")
    assert recipe.started().stages == recipe.stages


MINIMAL = """\
network: mine
encoder: lite
training:
  hidden: 64
  loss: {points: 5}
stages:
  - name: labels
    kind: teacher_labels
  - name: warm_up
    kind: train
    steps: 10
    learning_rate: 1e-4
    loss: {world: 7.5}
  - name: score
    kind: person_score
"""


def test_stages_add_to_what_they_share(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text(MINIMAL)
    labels, warm_up, score = load_recipe(path).stages
    assert labels.settings == TeacherLabels()
    assert score.settings == PersonScore()
    config = warm_up.settings
    assert (config.name, config.encoder, config.hidden, config.steps) == ("warm_up", "lite", 64, 10)
    assert config.learning_rate == 1e-4
    assert (config.loss.points, config.loss.world, config.loss.rotations) == (5.0, 7.5, 30.0)


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("steps: 10", "stepz: 10", "line 11: there is no setting stepz; did you mean steps?"),
        ("steps: 10", "steps: ten", "line 11: steps must be a whole number, not 'ten'."),
        ("steps: 10", "steps: 1.5", "line 11: steps must be a whole number"),
        ("steps: 10", "steps: 0", "line 11: steps is 0 and must be at least 1."),
        ("steps: 10", "batch: -3", "line 11: batch is -3 and must not be negative."),
        ("steps: 10", "ema: 5", "line 11: ema is 5 and must be less than 1."),
        (
            "steps: 10",
            "hip_tolerance: -1",
            "line 11: hip_tolerance is -1 and must not be negative.",
        ),
        ("{world: 7.5}", "{wrld: 7.5}", "line 13: there is no setting wrld; did you mean world?"),
        ("{world: 7.5}", "3", "line 13: .*list of settings"),
        ("kind: train", "kind: tran", "line 10: kind must be one of train"),
        ("steps: 10", "trained: some", "trained must be one of regressor"),
        ("steps: 10", "encoder: full", "encoder is the recipe's; set it at the top"),
        ("steps: 10", "teacher: full", "taught by full, who labels nothing"),
        ("    kind: person_score", "    kind: prune_regressor", r"lacks hidden"),
        ("name: score", "name: labels", "two stages labels"),
        ("encoder: lite", "encoder: light", "line 2: encoder must be one of lite, full, heavy"),
        ("network: mine\n", "", "lacks network"),
        ("hidden: 64", "hidden: 64\n  hidden: 65", "line 5: hidden is there twice"),
        ("stages:", "stages: [", "not valid YAML"),
        ("kind: teacher_labels", "kind: teacher_labels\n    teacher: me", "no published teacher"),
    ],
)
def test_an_error_names_the_line_and_what_to_do(tmp_path, before, after, words):
    path = tmp_path / "mine.yaml"
    assert before in MINIMAL
    path.write_text(MINIMAL.replace(before, after))
    with pytest.raises(RecipeError, match=words):
        load_recipe(path)
