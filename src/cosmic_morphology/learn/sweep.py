"""Recipes x backbones x seeds on one split; a sweep that was stopped goes on where it was."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.learn.data.dataset import TrainingSource
from cosmic_morphology.learn.run_folder.folder import Run
from cosmic_morphology.learn.training.runner import train
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import Taxonomy

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas


@dataclass(frozen=True, slots=True)
class SweepResult:
    """What a sweep made.

    Attributes
    ----------
    runs : tuple of Run
        Those that finished, the best on the val split first.
    failed : dict of str to str
        Names of the others, with why.
    """

    runs: tuple[Run, ...]
    failed: dict[str, str]


def sweep_runs(
    atlas: Atlas | TrainingSource,
    *,
    recipes: Sequence[str],
    backbones: Sequence[LearnSettings],
    seeds: Sequence[int],
    taxonomy: Taxonomy,
    out: Path,
    labels: str = "label",
    progress: Callable[[int, int], None] | None = None,
) -> SweepResult:
    """Train every recipe on every backbone with every seed.

    Finished runs are not made again. One that fails is noted and the others go on.

    Parameters
    ----------
    atlas : Atlas or TrainingSource
        One split for all.
    recipes : sequence of str
        Names or TOML files.
    backbones : sequence of LearnSettings
        Each with its weights.
    seeds : sequence of int
        Of the random choices of training.
    taxonomy : Taxonomy
        The classes.
    out : Path
        Runs go to ``<out>/runs/<recipe>-<backbone>-s<seed>``.
    labels : str
        ``label``, or one voter.
    progress : callable, optional
        Called with runs done and runs in all.

    Raises
    ------
    UsageError
        Nothing to train, or two runs would have one name.
    """
    combined = [(r, b, s) for b in backbones for r in recipes for s in seeds]
    _told_apart([sweep_name(r, b.backbone, s) for r, b, s in combined])
    runs: list[Run] = []
    failed: dict[str, str] = {}
    for done, (recipe, learn, seed) in enumerate(combined):
        name = sweep_name(recipe, learn.backbone, seed)
        job = RunJob(name=name, recipe=recipe, label_column=labels)
        try:
            runs.append(train(atlas, job, learn=learn, taxonomy=taxonomy, seed=seed, out=out))
        except CosmicError as error:
            failed[name] = str(error)
        if progress:
            progress(done + 1, len(combined))
    best_first = sorted(runs, key=lambda run: -run.metrics.get("val_macro_f1", 0.0))
    return SweepResult(tuple(best_first), failed)


def _told_apart(names: Sequence[str]) -> None:
    if not names:
        raise UsageError("a sweep needs a recipe, a backbone and a seed")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise UsageError(
            "two runs of the sweep would have one name",
            where=twice[0],
            todo="Give each recipe, backbone and seed once; recipes by names that differ.",
        )


def sweep_name(recipe: str, backbone: str, seed: int) -> str:
    """Name of a run of a sweep."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", f"{Path(recipe).stem}-{backbone}".replace("-", "--"))
    return f"{plain[:52]}-s{seed}"
