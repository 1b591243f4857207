"""What each ingredient of a recipe is worth: the full recipe against the one without it."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.bootstrap import Difference
from cosmic_morphology.evaluate.comparison import compare_runs
from cosmic_morphology.evaluate.evaluating import DEFAULT_SEED, Evaluation
from cosmic_morphology.io_utils import CsvRows
from cosmic_morphology.settings import EvaluateSettings


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One ingredient: ``worth`` is macro-F1 of the full recipe less that of ``run``."""

    without: str
    run: str
    worth: Difference


@dataclass(frozen=True, slots=True)
class Ablation:
    """What each ingredient of the run ``full`` is worth, most first, on one kind of label."""

    full: str
    labels: str
    rows: tuple[Ingredient, ...]

    def to_csv(self) -> str:
        """One row for each ingredient."""
        out = io.StringIO()
        table = CsvRows(out)
        table.write(
            ["without", "run", "worth", "low", "high", "p", "n", "n_groups", "labels", "full"]
        )
        for row in self.rows:
            low, high = row.worth.interval
            numbers = [f"{x:.4f}" for x in (row.worth.value, low, high, row.worth.p_value)]
            counts = [row.worth.n, row.worth.n_groups]
            table.write([row.without, row.run, *numbers, *counts, self.labels, self.full])
        return out.getvalue()


def ablation(
    full: Evaluation,
    without: Mapping[str, Evaluation],
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
) -> Ablation:
    """Hold the full recipe against others that lack one ingredient each.

    Parameters
    ----------
    full : Evaluation
        Of the run with everything.
    without : mapping of str to Evaluation
        What is left out, and the run without it.
    settings, seed
        Of the paired bootstrap.

    Raises
    ------
    UsageError
        Nothing is left out, or runs cannot be compared.
    """
    if not without:
        raise UsageError("an ablation needs runs that lack something")
    rows = []
    labels: Sequence[str] = ()
    for name, lesser in without.items():
        board = compare_runs([lesser, full], settings=settings, seed=seed)
        labels = (*labels, board.labels)
        gap = next(each.to_first for each in board.runs if each.run == full.run)
        if gap is None:
            raise UsageError(
                f"{full.run!r} is held against itself", todo="Name the runs differently."
            )
        rows.append(Ingredient(name, lesser.run, gap))
    if len(set(labels)) > 1:
        raise UsageError("some runs have scores on checked labels, others only on computed ones")
    ranked = sorted(rows, key=lambda row: (-row.worth.value, row.without))
    return Ablation(full.run, labels[0], tuple(ranked))
