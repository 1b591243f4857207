"""A search of recipe keys: what it may be asked, and that a kill changes nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("optuna")

from cosmic_morphology.errors import InputError, SettingsError, UsageError
from cosmic_morphology.learn.recipes import load_recipe
from cosmic_morphology.learn.sweep_space import Range, Values, read_space
from cosmic_morphology.learn.sweep_study import FILE, search

SPACE = read_space(
    {
        "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
        "weight_decay": [0, 1e-4],
        "epochs": {"low": 2, "high": 5},
        "augment": {"zoom": [[0.5, 1.0], [0.9, 1.0]]},
    }
)


def test_values_and_ranges_are_read_as_the_recipe_has_them():
    assert list(SPACE) == ["augment.zoom", "epochs", "learning_rate", "weight_decay"]
    assert SPACE["weight_decay"] == Values((0, 1e-4))
    assert SPACE["learning_rate"] == Range(low=1e-4, high=1e-1, log=True)
    assert SPACE["epochs"] == Range(low=2, high=5, whole=True)
    assert read_space({"augment.zoom": [[0.5, 1.0]]}) == read_space(
        {"augment": {"zoom": [[0.5, 1.0]]}}
    )


@pytest.mark.parametrize(
    ("space", "told"),
    [
        ({"learning_rat": [1]}, "Did you mean 'learning_rate'"),
        ({"augment.zom": [1]}, "Did you mean 'augment.zoom'"),
        ({"description": ["a"]}, "no such key"),
        ({"augment": [1]}, "no such key"),
        ({"learning_rate": 0.1}, "neither a list of values nor a range"),
        ({"learning_rate": []}, "empty"),
        ({"learning_rate": [0.1, 0.1]}, "twice"),
        ({"learning_rate": [0.1, -1]}, "greater than 0"),
        ({"learning_rate": ["much"]}, "number"),
        ({"learning_rate": [float("inf")]}, "finite"),
        ({"learning_rate": {"low": 0.1}}, "high"),
        ({"learning_rate": {"low": 0.1, "high": 0.1}}, "not below"),
        ({"learning_rate": {"low": 1, "high": 0.1}}, "not below"),
        ({"learning_rate": {"low": 0, "high": 0.1}}, "greater than 0"),
        ({"weight_decay": {"low": 0, "high": 0.1, "log": True}}, "above 0"),
        ({"learning_rate": {"low": 0.1, "high": float("nan")}}, "finite"),
        ({"weight_decay": {"low": 0.1, "high": float("inf")}}, "finite"),
        ({"dropout": {"low": 0.1, "high": 1.5}}, "less than 1"),
        ({"learning_rate": {"low": 0.1, "high": 1, "steps": 3}}, "steps"),
        ({"learning_rate": {"low": 0.1, "high": 1, "whole": True}}, "no such setting"),
        ({"epochs": {"low": 1, "high": 2.5}}, "whole numbers"),
        ({"optimiser": {"low": 1, "high": 2}}, "no number"),
        ({"standardise": {"low": 0, "high": 1}}, "no number"),
        ({"optimiser": ["adam", "sgd"]}, "'adam', 'adamw'"),
    ],
    ids=str,
)
def test_what_no_recipe_can_have_is_one_line(space, told):
    with pytest.raises(SettingsError) as error:
        read_space(space)
    line = str(error.value)
    assert told in line
    assert "\n" not in line
    assert line.startswith("sweep.space.")


def test_keys_that_do_not_go_together_are_one_line(tmp_path):
    file = tmp_path / "torn.toml"
    file.write_text('optimiser = "lbfgs"\nmixup = 0.2\n')
    with pytest.raises(SettingsError, match=r"torn.toml: .*cannot do what is asked by: mixup"):
        load_recipe(str(file))


def quadratic(number: int, values: dict) -> float | str:
    """Best at a learning rate of 0.01, with the second weight decay."""
    del number
    from math import log10

    if values["epochs"] == 5:
        return "too long"
    return -((log10(values["learning_rate"]) + 2) ** 2) + values["weight_decay"]


def searched(folder: Path, trials: int, objective=quadratic, **more):
    given = {"seed": 3, "began_with": {"labels": "label"}} | more
    return search(folder, SPACE, trials=trials, objective=objective, **given)


def test_a_search_tries_only_what_it_may_and_finds_what_is_good(tmp_path):
    ended = searched(tmp_path, 40)
    assert [each.number for each in ended] == list(range(40))
    for each in ended:
        assert 1e-4 <= each.values["learning_rate"] <= 1e-1
        assert each.values["weight_decay"] in (0, 1e-4)
        assert each.values["epochs"] in (2, 3, 4, 5)
        assert each.values["augment.zoom"] in ([0.5, 1.0], [0.9, 1.0])
        assert (each.why == "too long") == (each.values["epochs"] == 5)
    late = [each.score for each in ended[20:] if not each.why]
    early = [each.score for each in ended[:10] if not each.why]
    assert sum(late) / len(late) > sum(early) / len(early)


def test_a_search_that_was_stopped_and_asked_for_more_ends_as_one_that_was_not(tmp_path):
    whole = searched(tmp_path / "whole", 14)
    seen = []

    def stopped(number, values):
        seen.append((number, values))
        if len(seen) in (3, 12):
            raise KeyboardInterrupt
        return quadratic(number, values)

    for trials in (4, 4, 14, 14):
        try:
            ended = searched(tmp_path / "parts", trials, stopped)
        except KeyboardInterrupt:
            continue
    assert ended == whole
    assert len(seen) == 14 + 2  # the two that were stopped were made again, no others
    assert seen[2] == seen[3]


KILLED = """
import os, sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_sweep_search import quadratic, searched
def dies(number, values):
    if number == 2:
        os._exit(9)
    return quadratic(number, values)
searched(Path(sys.argv[1]), 5, dies)
"""


def test_a_killed_search_goes_on_with_the_trial_that_was_killed(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path / "killed", Path(__file__).parent],
        check=False,
    )
    assert done.returncode == 9
    again = []

    def noted(number, values):
        again.append(number)
        return quadratic(number, values)

    assert searched(tmp_path / "killed", 5, noted) == searched(tmp_path / "whole", 5)
    assert again == [2, 3, 4]


def test_another_search_does_not_go_on_with_these_scores(tmp_path):
    searched(tmp_path, 1)
    with pytest.raises(UsageError, match=r"other labels.*another name"):
        searched(tmp_path, 2, began_with={"labels": "metadata"})
    with pytest.raises(UsageError, match="other space"):
        search(
            tmp_path, read_space({"epochs": [1]}), trials=2, seed=3,
            began_with={"labels": "label"}, objective=quadratic,
        )  # fmt: skip


def test_two_processes_do_not_search_in_one_folder(tmp_path):
    def nested(number, values):
        with pytest.raises(UsageError, match="another process"):
            searched(tmp_path, 1)
        return quadratic(number, values)

    assert len(searched(tmp_path, 1, nested)) == 1


def test_a_damaged_study_is_one_line(tmp_path):
    (tmp_path / FILE).write_bytes(os.urandom(5000))
    with pytest.raises(InputError, match="no study"):
        searched(tmp_path, 1)
