"""Rendered against real: what a linear classifier on frozen features can tell, class by class.

A classifier two-sample test (Lopez-Paz & Oquab 2017, arXiv:1610.06545): 0.5 balanced accuracy
means that rendered and real images of a class cannot be told apart, 1 that each can be. Real
images of two archives are told apart as well, so the same test between the two largest real
collections of a class stands beside it. Images of the test split are not looked at.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.votes.embedding_probe import cross_fitted_probabilities, pca_features
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress, write_text
from cosmic_morphology.report.figures import to_svg, write_png
from cosmic_morphology.report.html import write_page
from cosmic_morphology.settings import Settings, StudySettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import group_numbers
from cosmic_morphology.stats.score import COMPUTED, GROUPED_BY
from cosmic_morphology.studies.curves import class_table
from cosmic_morphology.studies.dataset import StudyDataset, read_pool
from cosmic_morphology.studies.realism_gallery import build_gallery
from cosmic_morphology.studies.results import (
    ALL_SEEDS,
    ScoreRow,
    StudyResult,
    interval_of,
    listed,
    results_folder,
    write_notes,
    write_points,
)
from cosmic_morphology.studies.scoring import pooled_answers
from cosmic_morphology.taxonomy import load_taxonomy

DRAWN, CONTROL = "rendered from real", "one real collection from another"
MEASURE = "balanced accuracy"
_LEAST = 10
# What a thumbnail cannot hide from a linear classifier it may still hide from a person.
_HARD, _EASY = 0.65, 0.95


@dataclass(frozen=True, slots=True, eq=False)
class RealismResult:
    """Two kinds of images of one class, and how well they are told apart.

    Attributes
    ----------
    arm, name : str
        Which two kinds, of which class.
    rows : ndarray of int64, shape ``(T,)``
        Of the pool.
    second : ndarray of int64, shape ``(T,)``
        1 for the second kind (rendered), 0 for the first.
    likely : ndarray of float64, shape ``(T,)``
        Mean probability of the second kind, from models that never saw the image's group.
    point : ScoreRow
        The score.
    """

    arm: str
    name: str
    rows: np.ndarray
    second: np.ndarray
    likely: np.ndarray
    point: ScoreRow


def run_realism(
    settings: Settings,
    *,
    out: Path | None = None,
    progress: Progress | None = None,
) -> StudyResult:
    """Measure how well rendered images are told from real ones, and lay them side by side.

    Raises
    ------
    UsageError
        No class has enough images of both kinds.
    """
    study = settings.study
    atlas = Atlas.open(settings.atlas)
    other = Atlas.open(study.realism.rendered_atlas) if study.realism.rendered_atlas else None
    classes = load_taxonomy(settings.taxonomy).names
    pool = read_pool(atlas, classes=classes, backbone=study.backbone, rendered=other)
    tasks = _tasks(pool, study)
    if not any(arm == DRAWN for arm, *_ in tasks):
        raise UsageError(
            f"no class has {_LEAST} rendered and {_LEAST} real images with embeddings",
            where=settings.atlas,
            todo="Render some with `cosmic synthesize`, then `cosmic embed`.",
        )
    found = []
    for done, (arm, name, first, second) in enumerate(tasks):
        found.append(_compared(pool, arm, name, first, second, study))
        if progress:
            progress(done + 1, len(tasks))
    return _written(atlas, other, pool, found, settings, results_folder(settings, out))


def _tasks(
    pool: StudyDataset, study: StudySettings
) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """Arm, class, and the rows of the two kinds."""
    real = np.sort(np.concatenate([pool.real("train"), pool.real("val")]))
    drawn = pool.rendered_rows()
    most = study.realism.per_class
    tasks = []
    for number, name in enumerate(pool.classes):
        own = real[pool.y_train[real] == number]
        rendered = drawn[pool.y_true[drawn] == number]
        if min(len(own), len(rendered)) >= _LEAST:
            tasks.append((DRAWN, name, _some(pool, own, most), _some(pool, rendered, most)))
        sources = [s for s, n in Counter(pool.sources[own]).most_common(2) if n >= _LEAST]
        if len(sources) == 2:
            parts = [_some(pool, own[pool.sources[own] == source], most) for source in sources]
            tasks.append((CONTROL, name, parts[0], parts[1]))
    return tasks


def _some(pool: StudyDataset, rows: np.ndarray, most: int) -> np.ndarray:
    """At most this many rows, always the same, in no order of the archive."""
    order = sorted(rows, key=lambda row: hashlib.sha256(str(pool.ids[row]).encode()).digest())
    return np.array(sorted(order[:most]), np.int64)


def _compared(
    pool: StudyDataset,
    arm: str,
    name: str,
    first: np.ndarray,
    second: np.ndarray,
    study: StudySettings,
) -> RealismResult:
    rows = np.concatenate([first, second])
    targets = np.repeat([0, 1], [len(first), len(second)]).astype(np.int64)
    groups = pool.groups[rows]
    # Both kinds weigh the same, however many there are of each.
    weights = np.where(targets == 1, len(rows) / (2 * len(second)), len(rows) / (2 * len(first)))
    likely = np.stack(
        [
            cross_fitted_probabilities(
                pca_features(pool.vectors[rows], seed=seed),
                targets,
                weights,
                groups.tolist(),
                2,
                seed=seed,
                folds=study.realism.folds,
            )[:, 1]
            for seed in study.seeds
        ]
    )
    value, (low, high) = pooled_answers(
        targets,
        (likely > 0.5).astype(np.int64),
        groups,
        metrics.macro_recall,
        n_classes=2,
        resamples=study.bootstrap_resamples,
    )
    point = ScoreRow(
        "realism", arm, 0.0, ALL_SEEDS, MEASURE, name, value, low, high,
        len(rows), group_numbers(groups)[1], float(len(rows)),
        float(pool.rendered[rows].sum()), COMPUTED, GROUPED_BY,
    )  # fmt: skip
    return RealismResult(arm, name, rows, targets, likely.mean(0), point)


def conclude(found: Sequence[RealismResult]) -> list[str]:
    """The conclusion, computed."""
    control = {each.name: each.point for each in found if each.arm == CONTROL}
    drawn = sorted((c.point for c in found if c.arm == DRAWN), key=lambda point: -point.value)
    worst, best = drawn[0], drawn[-1]
    first = (
        f"A linear classifier on frozen features tells rendered from real images best of "
        f"{worst.name} ({interval_of(worst.value, (worst.low, worst.high))} balanced accuracy) and "
        f"least of {best.name} ({interval_of(best.value, (best.low, best.high))}); guessing "
        "reaches 0.5."
    )
    lines = [first]
    easy = [point.name for point in drawn if point.low > _EASY]
    hard = [point.name for point in drawn if point.high < _HARD]
    if easy:
        lines.append(f"To this classifier every image of {listed(easy)} gives itself away.")
    if hard:
        lines.append(f"Hardly to be told: {listed(hard)}.")
    parts = []
    for point in drawn:
        if point.name in control:
            beside = control[point.name]
            parts.append(
                f"{point.name} {point.value:.3f} against "
                f"{interval_of(beside.value, (beside.low, beside.high))}"
            )
    if parts:
        lines.append(
            "Real collections are told apart as well (rendered from real against the two largest "
            f"real collections): {'; '.join(parts)}."
        )
    return lines


def _written(
    atlas: Atlas,
    other: Atlas | None,
    pool: StudyDataset,
    found: Sequence[RealismResult],
    settings: Settings,
    room: Path,
) -> StudyResult:
    study, folder = settings.study, room / "realism"
    points = [each.point for each in found]
    lines = conclude(found)
    summary = StudyResult(
        "realism", len(found), len(found), tuple(lines),
        folder / "study.csv", folder / "told_apart.png", folder / "gallery.html",
    )  # fmt: skip
    write_points(summary.csv, points, ScoreRow)
    write_notes(folder / "study.json", settings, "realism", atlas)
    write_text(folder / "conclusion.txt", "\n".join(lines) + "\n")
    figure = class_table(points)
    write_png(figure, summary.png)
    write_page(
        summary.page,
        "realism.html.j2",
        {
            "title": "Rendered beside real",
            "atlas_version": str(atlas.version),
            "conclusion": lines,
            "figure": to_svg(figure, "study-realism", "Dots; the table has the same numbers."),
            "points": points,
            "folds": study.realism.folds,
            "seeds": study.seeds,
            "resamples": study.bootstrap_resamples,
            "grouped_by": GROUPED_BY,
            "classes": [
                build_gallery(
                    atlas, other or atlas, pool, each.name, each.rows, each.second, each.likely,
                    gallery=study.realism.gallery, pairs=study.realism.pairs,
                )
                for each in found
                if each.arm == DRAWN
            ],
        },
    )  # fmt: skip
    return summary
