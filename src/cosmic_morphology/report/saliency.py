"""What a run looks at in images that it got right and wrong, and whether that is the target."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from cosmic_morphology.atlas import Atlas, shown_texts
from cosmic_morphology.display import Shown
from cosmic_morphology.evaluate.evaluate import EvaluateResult
from cosmic_morphology.evaluate.object_size import border_mask, object_mask
from cosmic_morphology.evaluate.predictions import Predictions
from cosmic_morphology.evaluate.saliency import saliency
from cosmic_morphology.imaging.heat import overlay
from cosmic_morphology.report.gallery import thumbnails
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings
from cosmic_morphology.stats.bootstrap import bootstrap_weighted, group_numbers
from cosmic_morphology.stats.score import GROUPED_BY, Score

if TYPE_CHECKING:
    from cosmic_morphology.learn import TrainedModel

_SHOWN_PX = 150


@dataclass(frozen=True, slots=True)
class SaliencyExample:
    """One image and where the run looked, both as ``data:`` addresses."""

    id: str
    title: str
    right: str
    answer: str
    confidence: float
    image: str
    heat: str


@dataclass(frozen=True, slots=True, repr=False)
class SaliencyResult(Shown):
    """Where a run looks.

    Attributes
    ----------
    run : str
        Its name.
    seen : tuple of Seen
        Some right and some wrong answers of each class.
    on_target, on_border : Score
        Mean share of the saliency that lies on the target, and on the frame where captions stand.
    target_area, border_area : float
        Mean share of the image that they fill: what a run that looks everywhere would have.
    """

    run: str
    seen: tuple[SaliencyExample, ...]
    on_target: Score
    on_border: Score
    target_area: float
    border_area: float


def explain_run(
    atlas: Atlas,
    evaluation: EvaluateResult,
    model: TrainedModel,
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
) -> SaliencyResult:
    """Look over a run's shoulder at test images.

    Parameters
    ----------
    atlas : Atlas
        Its thumbnails are read.
    evaluation : EvaluateResult
        Gives the answers.
    model : TrainedModel
        The run's model.
    settings : EvaluateSettings, optional
        ``report_saliency`` images a class, right and wrong; ``saliency_images`` measured.
    seed : int
        Of the intervals.
    """
    settings = settings or EvaluateSettings()
    kind = evaluation.best_known.labels
    answers = evaluation.answers[kind]
    answers = answers.take(answers.predicted_class != "")
    shown = _chosen(answers, len(evaluation.classes), settings.report_saliency)
    measured = _by_hash(answers, np.arange(len(answers)))[: settings.saliency_images]
    rows = list(dict.fromkeys([*shown, *measured]))
    ids = [str(answers.ids[row]) for row in rows]
    images = thumbnails(atlas, ids)
    asked = [model.classes.index(str(answers.predicted_class[row])) for row in rows]
    maps = saliency(model, [images[each] for each in ids], answers=asked)
    squares = [model.preprocessing.pixels(images[each]) for each in ids]
    place = {row: at for at, row in enumerate(rows)}
    shares = np.array([_shares(maps[place[row]], squares[place[row]]) for row in measured])
    groups = answers.groups[measured]
    titles = _titles(atlas, [str(answers.ids[row]) for row in shown])
    return SaliencyResult(
        run=evaluation.run,
        seen=tuple(
            SaliencyExample(
                id=str(answers.ids[row]),
                title=titles[str(answers.ids[row])],
                right=evaluation.classes[answers.y_true[row]],
                answer=str(answers.predicted_class[row]),
                confidence=float(answers.confidence[row]),
                image=_uri(squares[place[row]]),
                heat=_uri(overlay(squares[place[row]], maps[place[row]])),
            )
            for row in shown
        ),
        on_target=_mean("saliency on the target", shares[:, 0], groups, kind, settings, seed),
        on_border=_mean("saliency on the border", shares[:, 1], groups, kind, settings, seed),
        target_area=float(shares[:, 2].mean()),
        border_area=float(shares[:, 3].mean()),
    )


def _chosen(answers: Predictions, n_classes: int, count: int) -> list[int]:
    """Some right answers of each class, as they come, and its most confident wrong ones."""
    rows: list[int] = []
    for each in range(n_classes):
        right = np.flatnonzero((answers.y_true == each) & answers.correct)
        wrong = np.flatnonzero((answers.y_true == each) & ~answers.correct)
        rows += _by_hash(answers, right)[:count]
        rows += sorted(wrong.tolist(), key=lambda row: -answers.confidence[row])[:count]
    return rows


def _by_hash(answers: Predictions, rows: np.ndarray) -> list[int]:
    return sorted(
        rows.tolist(), key=lambda row: hashlib.sha256(str(answers.ids[row]).encode()).digest()
    )


def _shares(heat: np.ndarray, pixels: np.ndarray) -> tuple[float, float, float, float]:
    target, border = object_mask(pixels), border_mask(heat.shape)
    total = float(heat.sum())
    # A map without any heat says nothing about where: it counts as looking everywhere.
    if total <= 0:
        heat, total = np.ones_like(heat), float(heat.size)
    on_target, on_border = float(heat[target].sum()), float(heat[border].sum())
    return on_target / total, on_border / total, float(target.mean()), float(border.mean())


def _mean(
    name: str,
    values: np.ndarray,
    groups: np.ndarray,
    kind: str,
    settings: EvaluateSettings,
    seed: int,
) -> Score:
    def mean(weights: np.ndarray) -> np.ndarray:
        found: np.ndarray = weights @ values / np.maximum(weights.sum(1), 1)
        return found

    interval = bootstrap_weighted(mean, groups, n=settings.bootstrap_resamples, seed=seed)
    n_groups = group_numbers(groups)[1]
    return Score(name, float(values.mean()), interval, len(values), n_groups, kind, GROUPED_BY)


def _titles(atlas: Atlas, ids: Sequence[str]) -> dict[str, str]:
    parts = atlas.batches(["title", "licence"], ids=ids)
    return {row["id"]: shown_texts(row)["title"] for part in parts for row in part.to_pylist()}


def _uri(pixels: np.ndarray) -> str:
    out = io.BytesIO()
    image = Image.fromarray(pixels)
    image.thumbnail((_SHOWN_PX, _SHOWN_PX))
    image.save(out, "JPEG", quality=78, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()
