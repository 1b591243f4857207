"""Sections of the report that cost more than reading columns; each is left out where it cannot be.

What is missing (no embeddings, no weights, an extra that is not installed) is said in the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.evaluate.neighbours import (
    Mistake,
    Neighbour,
    embedding_for,
    nearest_in_training,
    worst_mistakes,
)
from cosmic_morphology.evaluate.scored_run import ScoredRun, leading_run, sizes_of_targets
from cosmic_morphology.evaluate.scoring import PartScores
from cosmic_morphology.evaluate.shortcut_probe import ShortcutProbe, source_probe
from cosmic_morphology.report.gallery import Tile, tiles
from cosmic_morphology.settings import EvaluateSettings

_MISTAKE_PX = 180
_NEAR_PX = 64
_NEAR = 3
_WEIGHTS = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class TrainingNeighbour:
    """A training image beside a mistake."""

    neighbour: Neighbour
    tile: Tile


@dataclass(frozen=True, slots=True)
class ShownMistake:
    """A mistake with its image and the training images that are most like it."""

    mistake: Mistake
    tile: Tile
    near: tuple[TrainingNeighbour, ...]


@dataclass(slots=True)
class OptionalSections:
    """The deeper sections.

    Attributes
    ----------
    saliency : SaliencyResult or None
        Where the best run looks.
    collections : ShortcutProbe or None
        Whether embeddings tell the collection.
    target_size : dict of str to tuple of PartScores
        Scores by size of the target, by run.
    ablation : Ablation or None
        What ingredients are worth, when it was given.
    missing : dict of str to str
        Sections that could not be made, and why.
    """

    saliency: Any = None
    collections: ShortcutProbe | None = None
    target_size: dict[str, tuple[PartScores, ...]] = field(default_factory=dict)
    ablation: Any = None
    missing: dict[str, str] = field(default_factory=dict)


def optional_sections(
    atlas: Atlas,
    scored: Sequence[ScoredRun],
    given: Mapping[str, Any],
    *,
    settings: EvaluateSettings,
    seed: int,
) -> OptionalSections:
    """Make the deeper sections, or say why they are missing.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    scored : sequence of ScoredRun
        The runs with their scores.
    given : mapping
        Sections that the caller has made already, by name.
    settings, seed
        Of the intervals, and how much is shown.
    """
    found = OptionalSections(**given)
    if not scored:
        return found
    best = leading_run(scored)
    if not found.target_size:
        found.target_size = sizes_of_targets(atlas, scored, settings=settings, seed=seed)
    if found.collections is None and settings.report_probe:
        column = embedding_for(atlas, best.facts.backbone)
        if column:
            try:
                found.collections = source_probe(
                    atlas, column, resamples=settings.bootstrap_resamples, seed=seed
                )
            except CosmicError as error:
                found.missing["whether the collection gives the class away"] = error.what
    if found.saliency is None and settings.report_saliency:
        found.saliency = _saliency(atlas, best, settings, seed, found.missing)
    return found


def shown_mistakes(
    atlas: Atlas, each: ScoredRun, *, settings: EvaluateSettings
) -> list[ShownMistake]:
    """The worst mistakes of a run with their images and nearest training images."""
    answers = each.evaluation.answers[each.scores.labels]
    found = worst_mistakes(atlas, answers, each.evaluation.classes, count=settings.report_mistakes)
    ids = [mistake.id for mistake in found]
    column = embedding_for(atlas, each.facts.backbone)
    near = nearest_in_training(atlas, ids, column=column, count=_NEAR) if column and ids else {}
    beside = list(dict.fromkeys(one.id for several in near.values() for one in several))
    small = {tile.id: tile for tile in tiles(atlas, beside, side_px=_NEAR_PX)}
    return [
        ShownMistake(
            m, tile, tuple(TrainingNeighbour(one, small[one.id]) for one in near.get(m.id, ()))
        )
        for m, tile in zip(found, tiles(atlas, ids, side_px=_MISTAKE_PX), strict=True)
    ]


def _saliency(
    atlas: Atlas,
    best: ScoredRun,
    settings: EvaluateSettings,
    seed: int,
    missing: dict[str, str],
) -> Any:
    what = "where it looks"
    if not (best.facts.path / _WEIGHTS).is_file():
        missing[what] = f"the weights of {best.facts.name!r} are not in its folder"
        return None
    try:
        from cosmic_morphology.learn import load_trained_model
        from cosmic_morphology.report.saliency import explain_run

        model = load_trained_model(best.facts.path)
        return explain_run(atlas, best.evaluation, model, settings=settings, seed=seed)
    except ModuleNotFoundError as error:
        missing[what] = f"the package {error.name!r} is not installed"
    except CosmicError as error:
        missing[what] = error.what
    return None
