"""Intervals by the bootstrap over groups: images that belong together are drawn together.

Percentile bootstrap (Efron & Tibshirani 1993, ch. 13), clustered (Field & Welsh 2007): images of
one comet are not independent, and an interval that takes them for so is too narrow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.stats.metrics import Statistic, check_labels

# Resamples that are counted at once: their weights fit into the cache.
_AT_ONCE = 128
LEVEL = 0.95

WeightedStatistic = Callable[[np.ndarray], np.ndarray]
"""From weights of the images, shape ``(B, N)``, to values of shape ``(B,)``."""


@dataclass(frozen=True, slots=True)
class Difference:
    """How much better one model is than another on the same images.

    Attributes
    ----------
    value : float
        The other's score minus the first one's.
    interval : tuple of float
        95 % interval of that; a difference whose interval holds 0 may be chance.
    p_value : float
        Two-sided, from the share of resamples on the other side of 0.
    n, n_groups : int
        Images that both have predicted, and groups of them.

    Examples
    --------
    >>> gap = Difference(0.04, (0.01, 0.07), p_value=0.01, n=200, n_groups=90)
    >>> print(gap)
    +0.040 [+0.010, +0.070] (n=200, 90 groups)
    >>> gap.is_significant
    True
    >>> Difference(0.04, (-0.01, 0.09), p_value=0.2, n=200, n_groups=90).is_significant
    False
    """

    value: float
    interval: tuple[float, float]
    p_value: float
    n: int
    n_groups: int

    @classmethod
    def from_resamples(
        cls, value: float, resamples: np.ndarray, n_images: int, n_groups: int
    ) -> Difference:
        """The measured difference with what its resamples, shape ``(B,)``, say of chance."""
        beyond = min(float(np.mean(resamples <= 0)), float(np.mean(resamples >= 0)))
        # One resample counts in any case: 1000 draws cannot show a p of 0.
        p_value = float(min(1.0, 2 * max(beyond, 1 / len(resamples))))
        return cls(value, percentiles(resamples, around=value), p_value, n_images, n_groups)

    @classmethod
    def unknown(cls, value: float, n_images: int, n_groups: int) -> Difference:
        """Of fewer than two groups, which say nothing of chance."""
        return cls(value, (-1.0, 1.0), 1.0, n_images, n_groups)

    @property
    def is_significant(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.interval[0] > 0 or self.interval[1] < 0

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.value:+.3f} [{low:+.3f}, {high:+.3f}] (n={self.n}, {self.n_groups} groups)"


def bootstrap_interval(
    statistic: Statistic,
    y_true: np.ndarray,
    y_pred: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    *,
    n: int,
    seed: int,
    n_classes: int | None = None,
) -> tuple[float, float]:
    """The 95 % interval of a statistic of the confusion matrix.

    Parameters
    ----------
    statistic : callable
        Such as :func:`cosmic_morphology.stats.metrics.macro_f1`.
    y_true, y_pred : ndarray of int, shape ``(N,)``
        Right and given answers.
    groups : sequence of str, shape ``(N,)``
        Images of one group are drawn together.
    n : int
        Resamples.
    seed : int
        Of the draws: the same seed gives the same interval.
    n_classes : int, optional
        K; without it the largest number seen.

    Returns
    -------
    tuple of float
        Lower and upper bound, never leaving out the statistic of the images themselves. With
        fewer than two groups nothing is known: ``(0, 1)``.

    Examples
    --------
    >>> from cosmic_morphology.stats.metrics import accuracy
    >>> right = np.array([0, 1] * 20)
    >>> said = np.where(np.arange(40) < 30, right, 1 - right)
    >>> alone = np.arange(40).astype(str)
    >>> low, high = bootstrap_interval(accuracy, right, said, alone, n=500, seed=0)
    >>> 0.55 < low < 0.75 < high < 0.95
    True
    """
    k = n_classes or int(max(y_true.max(initial=0), y_pred.max(initial=0))) + 1
    at, n_groups = group_numbers(groups)
    if n_groups < 2:
        return (0.0, 1.0)
    counts = confusion_by_group(y_true, y_pred, at, n_groups, k)
    values = np.concatenate([statistic(m) for m in resampled(counts, n=n, seed=seed)])
    return percentiles(values, around=float(statistic(counts.sum(0))))


def paired_difference(
    statistic: Statistic,
    y_true: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    groups: Sequence[str] | np.ndarray,
    *,
    n: int,
    seed: int,
    n_classes: int | None = None,
) -> Difference:
    """Whether the second model differs from the first: both are scored on the same resamples.

    Parameters
    ----------
    statistic, y_true, groups, n, seed, n_classes
        As :func:`bootstrap_interval` has them.
    first, second : ndarray of int, shape ``(N,)``
        Answers of the two models to the same images.

    Examples
    --------
    >>> from cosmic_morphology.stats.metrics import accuracy
    >>> right = np.array([0, 1] * 20)
    >>> worse = np.where(np.arange(40) < 20, right, 1 - right)
    >>> groups = np.arange(40).astype(str)
    >>> gap = paired_difference(accuracy, right, worse, right, groups, n=500, seed=0)
    >>> gap.value, gap.n_groups, gap.is_significant
    (0.5, 40, True)
    """
    top = max(y_true.max(initial=0), first.max(initial=0), second.max(initial=0))
    k = n_classes or int(top) + 1
    at, n_groups = group_numbers(groups)
    one = confusion_by_group(y_true, first, at, n_groups, k)
    two = confusion_by_group(y_true, second, at, n_groups, k)
    value = float(statistic(two.sum(0)) - statistic(one.sum(0)))
    if n_groups < 2:
        return Difference.unknown(value, len(y_true), n_groups)
    both = resampled(np.concatenate([one, two], axis=-2), n=n, seed=seed)
    gaps = np.concatenate([statistic(m[:, k:]) - statistic(m[:, :k]) for m in both])
    return Difference.from_resamples(value, gaps, len(y_true), n_groups)


def bootstrap_weighted(
    statistic: WeightedStatistic, groups: Sequence[str] | np.ndarray, *, n: int, seed: int
) -> tuple[float, float]:
    """The same for statistics that need every image, such as a calibration error.

    Examples
    --------
    >>> from cosmic_morphology.stats.calibration import weighted_share
    >>> half = np.arange(40) < 20
    >>> alone = np.arange(40).astype(str)
    >>> low, high = bootstrap_weighted(weighted_share(half), alone, n=500, seed=0)
    >>> 0.25 < low < 0.5 < high < 0.75
    True
    """
    at, n_groups = group_numbers(groups)
    if n_groups < 2:
        return (0.0, 1.0)
    values = [statistic(weights[:, at]) for weights in _draws(n_groups, n=n, seed=seed)]
    everything = float(statistic(np.ones((1, len(at)), np.float32))[0])
    return percentiles(np.concatenate(values), around=everything)


def bootstrap_ratio(
    of: np.ndarray, among: np.ndarray, groups: Sequence[str] | np.ndarray, *, n: int, seed: int
) -> tuple[float, float]:
    """The 95 % interval of a share: how many of ``among`` are also in ``of``.

    Parameters
    ----------
    of, among : ndarray of bool, shape ``(N,)``
        Images that are counted, and those that they are a share of. Groups without any of these
        say nothing of the share and are not drawn.
    groups, n, seed
        As :func:`bootstrap_interval` has them.

    Examples
    --------
    >>> of, among = np.arange(40) < 10, np.arange(40) < 20
    >>> low, high = bootstrap_ratio(of, among, np.arange(40).astype(str), n=500, seed=0)
    >>> 0.2 < low < 0.5 < high < 0.8
    True
    """
    at, n_groups = group_numbers(np.asarray(groups)[among])
    if n_groups < 2:
        return (0.0, 1.0)
    counts = np.stack([np.bincount(at, of[among], n_groups), np.bincount(at)], axis=1)
    shares = [sums[:, 0] / sums[:, 1] for sums in resampled(counts, n=n, seed=seed)]
    return percentiles(np.concatenate(shares), around=float(of[among].mean()))


def resamples_over_seeds(
    statistic: Statistic, by_group: np.ndarray, *, n: int, seed: int
) -> np.ndarray:
    """A statistic averaged over training seeds, in resamples of groups and of seeds, ``(n,)``.

    The spread holds both what other test images and what other training draws would have given.

    Parameters
    ----------
    statistic : callable
        From sums over groups, shape ``(B, S, ...)``, to values of shape ``(B, S)``.
    by_group : ndarray of float32, shape ``(G, S, ...)``
        Confusion matrices of G groups and S seeds.
    n, seed
        As :func:`bootstrap_interval` has them.
    """
    random = np.random.default_rng(seed)
    means = []
    for sums in resampled(by_group, n=n, seed=seed):
        values = statistic(sums)
        drawn = random.integers(0, values.shape[1], values.shape)
        means.append(np.take_along_axis(values, drawn, axis=1).mean(1))
    return np.concatenate(means)


def group_numbers(groups: Sequence[str] | np.ndarray) -> tuple[np.ndarray, int]:
    """Number of each image's group, shape ``(N,)``, and how many groups there are.

    Examples
    --------
    >>> group_numbers(["m31", "m42", "m31"])
    (array([0, 1, 0]), 2)
    """
    names, at = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    return at.reshape(-1), len(names)


def confusion_by_group(
    y_true: np.ndarray, y_pred: np.ndarray, at: np.ndarray, n_groups: int, n_classes: int
) -> np.ndarray:
    """Confusion matrices of the groups, float32 of shape ``(G, K, K + 1)``.

    Examples
    --------
    >>> right, said = np.array([0, 1, 1]), np.array([0, 1, 0])
    >>> confusion_by_group(right, said, np.array([0, 0, 1]), 2, 2).astype(int).tolist()
    [[[1, 0, 0], [0, 1, 0]], [[0, 0, 0], [1, 0, 0]]]
    """
    check_labels(y_true, y_pred, n_classes)
    cells = n_classes * (n_classes + 1)
    flat = np.bincount(at * cells + y_true * (n_classes + 1) + y_pred, minlength=n_groups * cells)
    return flat.reshape(n_groups, n_classes, n_classes + 1).astype(np.float32)


def resampled(by_group: np.ndarray, *, n: int, seed: int) -> Iterator[np.ndarray]:
    """Sums over groups drawn with replacement, in parts of shape ``(B, K, ...)``.

    Examples
    --------
    >>> by_group = np.ones((5, 2, 3), np.float32)
    >>> [part.sum((1, 2)).tolist() for part in resampled(by_group, n=3, seed=0)]
    [[30.0, 30.0, 30.0]]
    """
    flat = by_group.reshape(len(by_group), -1)
    for weights in _draws(len(by_group), n=n, seed=seed):
        yield (weights @ flat).reshape(len(weights), *by_group.shape[1:])


def percentiles(values: np.ndarray, *, around: float) -> tuple[float, float]:
    """The interval that holds the middle 95 % of the values, and the measured one.

    Examples
    --------
    >>> percentiles(np.arange(1001.0), around=500)
    (25.0..., 975.0)
    >>> percentiles(np.arange(1001.0), around=1000)
    (25.0..., 1000)
    """
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile(values, [tail, 100 - tail])
    return min(float(low), around), max(float(high), around)


def _draws(n_groups: int, *, n: int, seed: int) -> Iterator[np.ndarray]:
    """How often each group is drawn, float32 of shape ``(B, G)``, ``n`` rows in all."""
    random = np.random.default_rng(seed)
    for start in range(0, n, _AT_ONCE):
        rows = min(_AT_ONCE, n - start)
        drawn = random.integers(0, n_groups, (rows, n_groups))
        drawn += np.arange(rows)[:, None] * n_groups
        counts = np.bincount(drawn.ravel(), minlength=rows * n_groups)
        yield counts.reshape(rows, n_groups).astype(np.float32)
