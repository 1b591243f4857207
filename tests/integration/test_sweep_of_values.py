"""A search of recipe keys with real runs: the val split judges, a rerun adds and makes nothing."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from training_sky import LEARN, TAXONOMY
from training_tools import call, coloured_atlas, config_in

pytest.importorskip("optuna")

from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn import load_recipe, sweep_runs

SPACE = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "augment": {"p_grayscale": [0.0, 0.5]},
}


@pytest.fixture(scope="module")
def sky(tmp_path_factory):
    return coloured_atlas(tmp_path_factory.mktemp("sky") / "atlas")


def swept(sky, folder: Path, trials: int, **more):
    config_in(folder)
    given = {"recipes": [str(folder / "quick.toml")], "seeds": [1, 2], "space": SPACE} | more
    return sweep_runs(
        sky, backbones=[LEARN], taxonomy=TAXONOMY, out=folder / "out", name="rates",
        trials=trials, **given,
    )  # fmt: skip


def weights_of(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("out/runs/*/weights.*")}


def test_trials_are_judged_by_the_mean_of_the_val_split_and_a_rerun_only_adds(sky, tmp_path):
    first = swept(sky, tmp_path, 2)
    names = {f"rates-t{n:03d}-s{seed}" for n in (0, 1) for seed in (1, 2)}
    assert {run.name for run in first.runs} == first.tried.keys() == names
    before = weights_of(tmp_path)
    assert len(before) == 4
    more = swept(sky, tmp_path, 3)
    assert len(more.runs) == 6
    after = weights_of(tmp_path)
    assert {path: after[path] for path in before} == before
    score = {run.name: run.metrics["val_macro_f1"] for run in more.runs}
    means = [
        (score[a.name] + score[b.name]) / 2
        for a, b in zip(more.runs[::2], more.runs[1::2], strict=True)
    ]
    assert means == sorted(means, reverse=True)
    best = tmp_path / "out/sweeps/rates" / f"{more.runs[0].name.rpartition('-s')[0]}.toml"
    recipe, values = load_recipe(str(best)), more.tried[more.runs[0].name]
    assert recipe.learning_rate == values["learning_rate"]
    assert recipe.augment.p_grayscale == values["augment.p_grayscale"]
    assert recipe.batch_size == load_recipe(str(tmp_path / "quick.toml")).batch_size
    # The recipe finds its parent from where it stands, on any machine.
    assert tomllib.loads(best.read_text())["extends"] == "../../../quick.toml"


def test_what_cannot_be_trained_is_told_and_told_again(sky, tmp_path):
    space = {"optimiser": ["lbfgs", "adam"], "mixup": [0.2]}
    for _ in range(2):
        found = swept(sky, tmp_path, 4, space=space, seeds=[1])
        assert {found.tried[run.name]["optimiser"] for run in found.runs} == {"adam"}
        assert {found.tried[name]["optimiser"] for name in found.failed} == {"lbfgs"}
        assert all("cannot do what is asked by: mixup" in why for why in found.failed.values())


def test_recipes_are_chosen_from_and_other_labels_are_another_sweep(sky, tmp_path):
    config_in(tmp_path)
    (tmp_path / "other.toml").write_text('extends = "quick.toml"\nepochs = 2\n')
    recipes = [str(tmp_path / "quick.toml"), str(tmp_path / "other.toml")]
    found = swept(sky, tmp_path, 4, recipes=recipes, seeds=[1])
    assert {each["recipe"] for each in found.tried.values()} == set(recipes)
    with pytest.raises(UsageError, match="other recipes"):
        swept(sky, tmp_path, 4, recipes=recipes[:1], seeds=[1])


SWEEP = "\n[sweep]\ntrials = 2\n[sweep.space]\nlearning_rate = {low = 0.001, high = 0.1}\n"


def test_the_command_prints_the_best_values_and_where_their_recipe_is(
    sky, tmp_path, monkeypatch, capsys
):
    given = (
        "sweep", "rates", "--recipe", tmp_path / "quick.toml", "--atlas", sky.uri,
        "--out", tmp_path / "out", "--config", config_in(tmp_path, SWEEP),
    )  # fmt: skip
    code, said, _ = call((*given, "--json"), monkeypatch, capsys)
    told = json.loads(said)
    assert code == 0
    assert [row["learning_rate"] for row in told["runs"]]
    code, said, _ = call(given, monkeypatch, capsys)
    assert code == 0
    assert f"learning_rate = {told['runs'][0]['learning_rate']}" in said
    assert "rates-t00" in said
    config_in(tmp_path, SWEEP.replace("learning_rate", "learning_rat"))
    code, said, line = call(given, monkeypatch, capsys)
    assert (code, said) == (2, "")
    assert "sweep.space.learning_rat: " in line
    assert "Did you mean 'learning_rate'" in line
