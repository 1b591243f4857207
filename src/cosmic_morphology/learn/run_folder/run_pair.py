"""Two runs side by side: what differs in how they were made, and whether their scores do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cosmic_morphology.learn.run_folder.folder import Run, read_run
from cosmic_morphology.learn.run_folder.run_list import RunRow, read_run_row
from cosmic_morphology.learn.run_folder.val_predictions import in_both, read_val_predictions
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings
from cosmic_morphology.stats.bootstrap import Difference, paired_difference
from cosmic_morphology.stats.metrics import macro_f1

# What is compared; the keys of the recipe come after these.
_FACTS = ("recipe", "backbone", "weights", "trained_on", "seed", "n_train")


@dataclass(frozen=True, slots=True)
class RunComparison:
    """Two runs side by side.

    Attributes
    ----------
    first, second : RunRow
        The runs.
    differing : tuple of (str, str, str)
        Facts and keys of the recipe in which they differ: what, in the first, in the second.
    difference : Difference or None
        Macro-F1 of the second less that of the first on the images of the val split that both
        have, in a paired bootstrap over groups; None where they share none.
    """

    first: RunRow
    second: RunRow
    differing: tuple[tuple[str, str, str], ...]
    difference: Difference | None


def compare_two(
    first: Path,
    second: Path,
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
) -> RunComparison:
    """What differs between two runs, and whether their scores on the val split do.

    Parameters
    ----------
    first, second : Path
        Their folders.
    settings : EvaluateSettings, optional
        Number of resamples.
    seed : int
        Seed of the resamples.

    Raises
    ------
    InputError
        A file of a run is damaged.
    """
    settings = settings or EvaluateSettings()
    rows = [read_run_row(each, settings, seed=seed) for each in (first, second)]
    facts = [read_run(each) for each in (first, second)]
    one, two = (
        {**{name: getattr(row, name) for name in _FACTS}, **_recipe_of(each)}
        for row, each in zip(rows, facts, strict=True)
    )
    return RunComparison(
        first=rows[0],
        second=rows[1],
        differing=tuple(
            (name, str(one.get(name, "")), str(two.get(name, "")))
            for name in dict.fromkeys((*one, *two))
            if one.get(name) != two.get(name)
        ),
        difference=_difference(facts[0], facts[1], settings.bootstrap_resamples, seed),
    )


def _difference(one: Run, two: Run, resamples: int, seed: int) -> Difference | None:
    if one.classes != two.classes:
        return None
    said = [read_val_predictions(each.path, each.classes) for each in (one, two)]
    if said[0] is None or said[1] is None:
        return None
    first, second = in_both(said[0], said[1])
    if not len(first):
        return None
    return paired_difference(
        macro_f1,
        first.y_true,
        first.y_pred,
        second.y_pred,
        first.groups,
        n=resamples,
        seed=seed,
        n_classes=len(one.classes),
    )


def _recipe_of(facts: Run) -> dict[str, Any]:
    return {f"recipe.{name}": value for name, value in _flat(facts.settings.get("recipe", {}))}


def _flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if name == "description":
            continue
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value
