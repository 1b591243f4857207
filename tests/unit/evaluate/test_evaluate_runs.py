"""Runs are scored apart for checked and computed labels, and compared on the same images."""

from __future__ import annotations

import csv
import io
import json

import pytest
from evaluate_atlas import CLASSES, add_predictions, check, make_atlas

from cosmic_morphology.cli.tables import show_evaluations
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate import compare_runs, evaluate_run
from cosmic_morphology.settings import EvaluateSettings

QUICK = EvaluateSettings(bootstrap_resamples=100)


@pytest.fixture(scope="module")
def scored(tmp_path_factory):
    """Read only: a good and a bad run, on checked labels."""
    atlas = make_atlas(tmp_path_factory.mktemp("evaluate") / "atlas")
    add_predictions(atlas, "good", wrong=0.1)
    add_predictions(atlas, "bad", wrong=0.8, seed=1)
    return atlas


@pytest.fixture
def unchecked(tmp_path):
    atlas = make_atlas(tmp_path / "atlas", per_class=6)
    add_predictions(atlas, "run", wrong=0.0, checked=False)
    return atlas


def test_every_score_says_its_images_interval_labels_and_grouping(scored):
    found = evaluate_run(scored, "good", classes=CLASSES, settings=QUICK)
    n = scored.count("catalogue", "split = 'test'")
    assert found.checked.macro_f1.n == n
    assert found.computed is None
    told = str(found.checked.macro_f1)
    assert f"n={n}" in told
    assert "checked labels" in told
    low, high = found.checked.accuracy.interval
    assert low <= found.checked.accuracy.value <= high
    assert found.rows()[0]["grouped_by"]


def test_scores_on_unchecked_labels_say_so(unchecked):
    found = evaluate_run(unchecked, "run", classes=CLASSES, settings=QUICK)
    assert found.checked is None
    assert found.computed.accuracy.value == 1
    assert "computed labels" in str(found.computed.accuracy)


def test_checked_and_computed_labels_are_never_mixed(unchecked):
    ids = unchecked.ids("split = 'test'")
    # A person disagrees with the voters on one image, and drops another.
    now = unchecked.read(["id", "label"], where=f"id = '{ids[0]}'").to_pylist()[0]["label"]
    other = next(name for name in CLASSES if name != now)
    check(unchecked, {ids[0]: other})
    check(unchecked, {ids[1]: ""}, verdict="drop")
    found = evaluate_run(unchecked, "run", classes=CLASSES, settings=QUICK)
    assert found.checked.n == 1
    assert found.checked.accuracy.value == 0
    assert found.computed.n == len(ids) - 2
    assert found.computed.accuracy.value == 1
    assert any("dropped" in note for note in found.notes)


def test_images_of_no_class_are_left_out_and_counted(unchecked):
    found = evaluate_run(unchecked, "run", classes=CLASSES[:2], settings=QUICK)
    stars = unchecked.count("catalogue", "split = 'test' AND label = 'star'")
    assert found.computed.n == unchecked.count("catalogue", "split = 'test'") - stars
    assert any(note.startswith(f"{stars} test images are of no class") for note in found.notes)


def test_parts_add_up_to_the_whole(scored):
    found = evaluate_run(scored, "bad", classes=CLASSES, settings=QUICK).checked
    for parts in (found.by_collection, found.by_source):
        assert len(parts) == 2
        assert sum(part.n for part in parts) == found.n
        right = sum(part.accuracy.value * part.n for part in parts)
        assert right == pytest.approx(found.accuracy.value * found.n)
    assert sum(sum(row) for row in found.confusion) == found.n
    assert sum(each.n for each in found.per_class) == found.n


def test_scores_go_into_the_run_beside_what_training_wrote(scored, tmp_path):
    (tmp_path / "metrics.json").write_text(json.dumps({"val_macro_f1": 0.5}))
    for _ in range(2):
        found = evaluate_run(scored, "good", classes=CLASSES, settings=QUICK, run_folder=tmp_path)
    written = json.loads((tmp_path / "metrics.json").read_text())
    assert written["val_macro_f1"] == 0.5
    assert written["test"]["checked"]["macro_f1"]["value"] == pytest.approx(
        found.checked.macro_f1.value, abs=1e-6
    )
    assert {path.name for path in tmp_path.iterdir()} == {"metrics.json"}


def test_the_same_seed_gives_the_same_scores(scored):
    one, two = (evaluate_run(scored, "good", classes=CLASSES, settings=QUICK) for _ in range(2))
    assert one == two


def test_a_run_that_has_predicted_nothing_is_told_what_to_do(scored):
    with pytest.raises(UsageError, match="cosmic predict"):
        evaluate_run(scored, "nobody", classes=CLASSES, settings=QUICK)


def test_nothing_to_score_is_an_error_not_a_score(scored):
    with pytest.raises(UsageError, match="no test image"):
        evaluate_run(scored, "good", classes=("asteroid", "planet"), settings=QUICK)


def test_the_better_run_comes_first_and_the_difference_is_tested(scored):
    both = [evaluate_run(scored, name, classes=CLASSES, settings=QUICK) for name in ("bad", "good")]
    board = compare_runs(both, settings=QUICK)
    assert [each.run for each in board.runs] == ["good", "bad"]
    assert board.first == "bad"
    good, bad = board.runs
    assert good.to_first.value == pytest.approx(good.macro_f1.value - bad.macro_f1.value)
    assert good.to_first.is_significant
    assert good.to_best is None
    assert bad.to_best.value == -good.to_first.value
    rows = list(csv.DictReader(io.StringIO(board.to_csv())))
    assert rows[0]["run"] == "good"
    assert all(row["n"] and row["labels"] == "checked" and row["low"] for row in rows)


def test_the_reject_option_is_scored_at_the_runs_own_threshold(scored):
    plain = evaluate_run(scored, "good", classes=CLASSES, settings=QUICK)
    assert plain.checked.kept is None
    found = evaluate_run(scored, "good", classes=CLASSES, settings=QUICK, reject_below=0.7)
    answers, kept = found.answers["checked"], found.checked.kept
    sure = answers.confidence >= 0.7
    assert kept.coverage.value == pytest.approx(sure.mean())
    assert kept.precision.value == pytest.approx(answers.correct[sure].mean())
    low, high = kept.precision.interval
    assert low <= kept.precision.value <= high
    assert found.checked.kept.reject_below == 0.7


def test_a_threshold_of_one_leaves_everything_open(scored):
    found = evaluate_run(scored, "good", classes=CLASSES, settings=QUICK, reject_below=1.0)
    assert (found.checked.kept.coverage.value, found.checked.kept.precision) == (0, None)


def test_runs_of_other_classes_are_not_compared(scored):
    one = evaluate_run(scored, "good", classes=CLASSES, settings=QUICK)
    two = evaluate_run(scored, "bad", classes=CLASSES[:2], settings=QUICK)
    with pytest.raises(UsageError, match="same classes"):
        compare_runs([one, two], settings=QUICK)
    with pytest.raises(UsageError, match="no run"):
        compare_runs([])


def test_the_terminal_shows_scores_with_n_interval_labels_grouping_and_the_difference(
    scored, capsys, monkeypatch
):
    monkeypatch.setenv("COLUMNS", "160")
    found = [
        evaluate_run(scored, name, classes=CLASSES, settings=QUICK) for name in ("bad", "good")
    ]
    show_evaluations(found, compare_runs(found, settings=QUICK))
    told = capsys.readouterr().out
    best = found[1].checked.macro_f1
    interval = f"[{best.interval[0]:.3f}, {best.interval[1]:.3f}]"
    line = next(line for line in told.splitlines() if line.startswith("good"))
    assert interval in line
    assert f" {best.n} " in line
    assert (
        f"checked labels, answered from pixels; no group is in two splits ({best.grouped_by})"
        in told
    )
    assert "good less bad" in told
    assert all(name in told for name in CLASSES)
