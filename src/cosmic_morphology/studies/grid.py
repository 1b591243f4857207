"""What a study is made of: trials, how one is done, and what is concluded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cosmic_morphology.evaluate.metrics import Statistic
from cosmic_morphology.studies.cells import Trial, Worked


@dataclass(frozen=True, slots=True)
class Grid:
    """The trials of a study.

    Attributes
    ----------
    trials : sequence of Trial
        In the order in which they are done.
    work : callable
        Does one.
    x : str
        What the places on the curves mean; empty: there is one place, and arms are compared.
    more : sequence of tuples
        Measures beside the usual ones: measure, of what, statistic.
    """

    trials: Sequence[Trial]
    work: Callable[[Trial], Worked]
    x: str
    more: Sequence[tuple[str, str, Statistic]] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What a study says in words.

    Attributes
    ----------
    lines : sequence of str
        Sentences, the most important first.
    """

    lines: Sequence[str]
