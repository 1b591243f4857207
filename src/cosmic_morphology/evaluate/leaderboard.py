"""Runs ranked on the same test images, on every test that is asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.breakdown import SideBySide, class_tables, part_tables
from cosmic_morphology.evaluate.compare import Comparison, compare_runs
from cosmic_morphology.evaluate.evaluate import EvaluateResult, evaluate_run
from cosmic_morphology.evaluate.predictions import TEST
from cosmic_morphology.evaluate.scored_run import ScoredRun, sizes_of_targets
from cosmic_morphology.evaluate.scoring import PartScores
from cosmic_morphology.learn.run_folder.folder import Run, read_run
from cosmic_morphology.settings import EvaluateSettings

SIDE_BY_SIDE = 3


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A test that runs are ranked on.

    Attributes
    ----------
    where : str
        Its images in Lance's SQL.
    suffix : str
        Of the columns of predictions, where the runs were asked about changed images.
    """

    # Not a test, whatever pytest makes of the name.
    __test__ = False

    where: str = TEST
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class EvaluationRanking:
    """Runs ranked on one test.

    Attributes
    ----------
    name, where : str
        Which test, and its images in Lance's SQL.
    comparison : Comparison
        The ranking.
    scored : tuple of ScoredRun
        The runs, best first.
    tables : tuple of SideBySide
        The best few by class, source, collection and size of the target.
    sizes : dict of str to tuple of PartScores
        Scores of each run by size of the target.
    not_scored : dict of str to str
        Runs that could not be scored on it, and why.
    """

    # Not a test, whatever pytest makes of the name.
    __test__ = False

    name: str
    where: str
    comparison: Comparison
    scored: tuple[ScoredRun, ...]
    tables: tuple[SideBySide, ...]
    sizes: dict[str, tuple[PartScores, ...]]
    not_scored: dict[str, str]


def rank_runs(
    atlas: Atlas,
    runs: Sequence[Path | Run],
    tests: Mapping[str, EvaluationSet | str],
    *,
    settings: EvaluateSettings,
    seed: int,
    scored: Mapping[str, EvaluateResult] | None = None,
) -> tuple[EvaluationRanking, ...]:
    """Rank runs on each test, without writing anything.

    Parameters
    ----------
    atlas : Atlas
        With the predictions of the runs; only read.
    runs : sequence of Path or Run
        Their folders, or what is known of them. Runs that know different classes are ranked on
        those that all of them know.
    tests : mapping of str to EvaluationSet or str
        Tests by name, or their images in Lance's SQL, such as ``{"clean": "split = 'test' AND
        source = 'nasa'"}``.
    settings, seed
        Of the intervals.
    scored : mapping of str to EvaluateResult, optional
        Scores of runs, by name, on the whole test split and the classes that all of them know:
        these are not scored on it again.

    Raises
    ------
    UsageError
        No run could be scored on a test.
    """
    facts = [each if isinstance(each, Run) else read_run(each) for each in runs]
    classes = common_classes([each.classes for each in facts])
    boards = []
    for name, given in tests.items():
        test = EvaluationSet(given) if isinstance(given, str) else given
        known = scored or {} if test == EvaluationSet() else {}
        boards.append(_test_board(atlas, facts, classes, name, test, settings, seed, known))
    return tuple(boards)


def default_evaluation_sets(atlas: Atlas) -> dict[str, EvaluationSet]:
    """The tests that the split itself gives, by name; the whole test split comes first.

    Where whole collections are held out, images of collections that training has seen and of
    others are tests of their own: a net that knows the site instead of the sky fails the second.

    Examples
    --------
    >>> sorted(default_evaluation_sets(atlas))
    ['test']
    """
    found = {"test": EvaluationSet()}
    if not {"split", "collection", "label"} <= set(atlas.columns()):
        return found
    rows = atlas.read(["split", "collection", "label"], where="split IN ('train', 'test')")
    splits: dict[str, set[str]] = {"train": set(), "test": set()}
    for row in rows.to_pylist():
        if row["label"]:
            splits[row["split"]].add(row["collection"] or "")
    new = splits["test"] - splits["train"] - {""}
    if new and splits["test"] - new:
        named = ", ".join(map(sql_literal, sorted(new)))
        known = f"(collection IS NULL OR collection NOT IN ({named}))"
        found["collections seen in training"] = EvaluationSet(f"{TEST} AND {known}")
        found["collections never seen"] = EvaluationSet(f"{TEST} AND collection IN ({named})")
    return found


def common_classes(of_runs: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The classes that all runs know, in the order of the first.

    Raises
    ------
    UsageError
        There are fewer than two.

    Examples
    --------
    >>> common_classes([("comet", "galaxy", "star"), ("galaxy", "star")])
    ('galaxy', 'star')
    """
    first, *others = of_runs
    found = tuple(name for name in first if all(name in other for other in others))
    if len(found) < 2:
        raise UsageError(
            "these runs have no two classes in common",
            todo="Compare runs that were trained for the same question.",
            where=", ".join(sorted({name for run in of_runs for name in run})),
        )
    return found


def _test_board(
    atlas: Atlas,
    facts: Sequence[Run],
    classes: tuple[str, ...],
    name: str,
    test: EvaluationSet,
    settings: EvaluateSettings,
    seed: int,
    scored: Mapping[str, EvaluateResult],
) -> EvaluationRanking:
    scored_runs: list[ScoredRun] = []
    not_scored: dict[str, str] = {}
    for run in facts:
        try:
            found = scored.get(run.name) or evaluate_run(
                atlas,
                run.name + test.suffix,
                classes=classes,
                settings=settings,
                seed=seed,
                where=test.where,
                reject_below=run.reject_below,
            )
            scored_runs.append(ScoredRun(run, replace(found, run=run.name)))
        except UsageError as error:
            not_scored[run.name] = error.what
    if not scored_runs:
        raise UsageError(
            f"no run could be scored on the test {name!r}"
            + (f" ({next(iter(not_scored.values()))})" if not_scored else ""),
            where=atlas.uri,
            todo="Predict the test images with at least one run first.",
        )
    evaluations = [each.evaluation for each in scored_runs]
    comparison = compare_runs(evaluations, settings=settings, seed=seed)
    place = {each.run: each.rank for each in comparison.runs}
    ranked = sorted(scored_runs, key=lambda each: place[each.facts.name])
    top = ranked[:SIDE_BY_SIDE]
    sizes = sizes_of_targets(atlas, ranked, settings=settings, seed=seed)
    tables = (*class_tables(top), *part_tables(top, sizes))
    return EvaluationRanking(name, test.where, comparison, tuple(ranked), tables, sizes, not_scored)
