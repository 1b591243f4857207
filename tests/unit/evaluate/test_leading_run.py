"""A report leads with the run that val chose; the test split chooses nothing."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

from cosmic_morphology.evaluate.scored_run import ScoredRun, leading_run
from cosmic_morphology.learn.run_folder.folder import Run


def scored(name: str, val: float | None, test: float, labels: str = "label") -> ScoredRun:
    metrics = {} if val is None else {"val_macro_f1": val}
    facts = Run(
        name, name, "net", "random", Path(name), ("a",), metrics, settings={"labels": labels}
    )
    return ScoredRun(facts, SimpleNamespace(best_known=test))


def test_the_val_split_chooses_not_the_test_split():
    runs = [scored("lucky", 0.6, 0.9), scored("good", 0.8, 0.7), scored("old", None, 1.0)]
    assert leading_run(runs).facts.name == "good"


def test_a_run_that_was_measured_by_its_own_labels_does_not_lead():
    runs = [scored("words", 0.99, 0.5, "search_word"), scored("curated", 0.7, 0.8)]
    assert leading_run(runs).facts.name == "curated"
    assert leading_run(runs[:1]).facts.name == "words"
