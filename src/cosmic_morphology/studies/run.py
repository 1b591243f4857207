"""A study from its settings to its table, curves, conclusion and page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress, write_text
from cosmic_morphology.report.figures import to_svg, write_png
from cosmic_morphology.report.html import write_page
from cosmic_morphology.settings import Settings
from cosmic_morphology.stats.score import GROUPED_BY
from cosmic_morphology.studies import label_noise, leakage, learning_curve, synthetic
from cosmic_morphology.studies.backbones import BackboneStudy
from cosmic_morphology.studies.curves import curves
from cosmic_morphology.studies.dataset import StudyDataset, read_images, read_pool
from cosmic_morphology.studies.realism import run_realism
from cosmic_morphology.studies.results import (
    ALL_SEEDS,
    BackboneDifferenceRow,
    BackboneScoreRow,
    DifferenceRow,
    ScoreRow,
    StudyResult,
    results_folder,
    write_notes,
    write_points,
)
from cosmic_morphology.studies.scoring import collect_points, differences, points
from cosmic_morphology.studies.train_head import recipe_named
from cosmic_morphology.studies.trials import Conclusion, TrialPlan, run_trials
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import load_taxonomy

GRIDS: dict[str, Any] = {
    "leakage": leakage,
    "synthetic": synthetic,
    "label-noise": label_noise,
    "learning-curve": learning_curve,
}
BACKBONES = "backbones"
STUDIES = (*GRIDS, "realism", BACKBONES)
TITLES = {
    BACKBONES: "Which backbone sees these images best",
    "leakage": "What a random split claims",
    "synthetic": "Do rendered images help?",
    "label-noise": "What wrong labels cost",
    "learning-curve": "What more images would be worth",
}


def run_study(
    name: str,
    settings: Settings,
    *,
    out: Path | None = None,
    weights: Sequence[tuple[str, str]] = (),
    progress: Progress | None = None,
) -> StudyResult:
    """Run a study, or go on with it; cells that are there are not done again.

    Parameters
    ----------
    name : str
        One of ``STUDIES``.
    settings : Settings
        ``atlas``, ``taxonomy`` and the section ``study``; ``learn`` where backbones are compared.
    out : Path, optional
        Folder of the results; by default ``studies`` in the settings' ``out``.
    weights : sequence of (str, str)
        Backbone and safetensors file, for the study of backbones, beside those of the hub's cache.
    progress : callable, optional
        Called with cells done and in all.

    Returns
    -------
    StudyResult
        The results are in a folder ``name`` there.

    Raises
    ------
    UsageError
        There is no such study, it takes no weights, or the atlas lacks what it needs.
    LeakError
        A rendered image would have been tested on.
    """
    if name not in STUDIES:
        raise UsageError("there is no such study", where=name, todo=suggest_names(name, STUDIES))
    if weights and name != BACKBONES:
        raise UsageError(
            "only the study of backbones takes files of weights",
            where=name,
            todo="Leave --weights out, or run `cosmic study backbones`.",
        )
    if name == "realism":
        return run_realism(settings, out=out, progress=progress)
    study = settings.study
    atlas = Atlas.open(settings.atlas)
    folder = results_folder(settings, out) / name
    pool = _pool(atlas, name, settings)
    compared = name == BACKBONES
    room = BackboneStudy(settings, atlas, folder, weights, progress) if compared else GRIDS[name]
    plan: TrialPlan = room.grid(pool, study)
    cells, new = run_trials(
        pool, plan.trials, plan.work, folder / "cells", study=name, progress=progress
    )
    places = collect_points(pool, cells)
    conclusion: Conclusion = room.conclude(pool, places, study, cells)
    how: dict[str, Any] = {"study": name, "resamples": study.bootstrap_resamples, "more": plan.more}
    rows: Sequence[ScoreRow] = points(pool, places, **how)
    against: Sequence[DifferenceRow] = differences(pool, places, room.reference_trial, **how)
    if compared:
        rows, against = room.score_rows(rows), room.difference_rows(against)
    write_points(
        folder / "differences.csv", against, BackboneDifferenceRow if compared else DifferenceRow
    )
    summary = StudyResult(
        name, len(cells), new, tuple(conclusion.lines),
        folder / "study.csv", folder / "curves.png", folder / "study.html",
    )  # fmt: skip
    write_points(summary.csv, rows, BackboneScoreRow if compared else ScoreRow)
    write_notes(folder / "study.json", settings, name, atlas)
    write_text(folder / "conclusion.txt", "\n".join(conclusion.lines) + "\n")
    figure = curves(rows, plan.x)
    write_png(figure, summary.png)
    write_page(
        summary.page,
        "study.html.j2",
        {
            "study": name,
            "title": TITLES[name],
            "atlas_version": str(atlas.version),
            "conclusion": conclusion.lines,
            "x": plan.x,
            "seeds": study.seeds,
            "resamples": study.bootstrap_resamples,
            "grouped_by": GROUPED_BY,
            "figure": to_svg(figure, f"study-{name}", "Curves; the table has the same numbers."),
            **_table(rows),
        },
    )
    return summary


def _pool(atlas: Atlas, name: str, settings: Settings) -> StudyDataset:
    study = settings.study
    other = study.synthetic.rendered_atlas if name == "synthetic" else ""
    taxonomy = load_taxonomy(settings.taxonomy)
    include_reject_class = recipe_named(study.recipe, study.recipes).include_reject_class
    classes = taxonomy.names_with_reject if include_reject_class else taxonomy.names
    pool = (
        read_images(atlas, classes=classes, labels=study.label_column)
        if name == BACKBONES
        else read_pool(
            atlas,
            classes=classes,
            backbone=study.backbone,
            labels=study.label_column,
            rendered=Atlas.open(other) if other else None,
        )
    )
    if not len(pool.real("train")):
        raise UsageError(
            "no real image of the train split has a label and an embedding",
            where=atlas.uri,
            todo="Run `cosmic curate`, `cosmic split` and `cosmic embed` first.",
        )
    if name not in ("leakage", BACKBONES) and not len(pool.real("test")):
        raise UsageError(
            "no real image of the test split has a label and an embedding",
            where=atlas.uri,
            todo="Give verdicts with `cosmic review`, or split again.",
        )
    return pool


def _table(rows: Sequence[ScoreRow]) -> Mapping[str, Any]:
    own = [row for row in rows if row.seed == ALL_SEEDS]
    places = dict.fromkeys((row.arm, row.x) for row in own)
    table = []
    for arm, x in places:
        mine = [row for row in own if (row.arm, row.x) == (arm, x)]
        first = mine[0]
        table.append(
            {
                "arm": arm, "x": x, "points": mine, "n": first.n, "n_groups": first.n_groups,
                "n_train": first.n_train, "n_rendered": first.n_rendered, "labels": first.labels,
            }
        )  # fmt: skip
    one_place = [row for row in own if (row.arm, row.x) == next(iter(places))]
    named = [f"{row.measure} of {row.name}" if row.name else row.measure for row in one_place]
    return {"rows": table, "measures": named}
