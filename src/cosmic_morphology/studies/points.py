"""Rows of the tables of a study: a score with its interval, and a difference with its."""

from __future__ import annotations

from dataclasses import dataclass

ALL_SEEDS = "all"


@dataclass(frozen=True, slots=True)
class Point:
    """One row of ``study.csv``.

    Attributes
    ----------
    study, arm : str
        Which curve of which study.
    x : float
        Place on the curve.
    seed : str
        One seed, or ``all``: the mean over seeds.
    measure, name : str
        Such as ``F1``, and of which class; the name is empty for all classes together.
    value, low, high : float
        With its 95 % interval: bootstrap over groups, and over seeds where there are several.
    n, n_groups : int
        Test pictures, and groups of them.
    n_train, n_rendered : float
        Pictures learnt from (mean over seeds and folds), and how many of them were rendered.
    labels : str
        ``checked`` or ``computed``.
    grouped_by : str
        What kept learnt and tested pictures apart.
    """

    study: str
    arm: str
    x: float
    seed: str
    measure: str
    name: str
    value: float
    low: float
    high: float
    n: int
    n_groups: int
    n_train: float
    n_rendered: float
    labels: str
    grouped_by: str


@dataclass(frozen=True, slots=True)
class Step:
    """One row of ``differences.csv``: a place against its reference, on the same pictures.

    Attributes
    ----------
    study, arm, x : str, str, float
        The place.
    reference, reference_x : str, float
        What it is held against.
    measure, name : str
        As :class:`Point` has them.
    value, low, high, p_value : float
        The difference with its paired 95 % interval over groups and seeds.
    n, n_groups, labels : int, int, str
        Of the test.
    """

    study: str
    arm: str
    x: float
    reference: str
    reference_x: float
    measure: str
    name: str
    value: float
    low: float
    high: float
    p_value: float
    n: int
    n_groups: int
    labels: str
