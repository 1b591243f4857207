"""Dealing whole groups into parts, with every class in the asked ratios: pure functions."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

NONE = "none"
# Rounds of moving one group or swapping two that make the balance better.
_MAX_MOVES = 2000
# Moves times groups: with very many groups the first deal is as good as balance gets.
_MAX_LOOKED_AT = 50_000_000
_SWAP_SAMPLE = 400


def assign_groups(
    groups: Sequence[str],
    labels: Sequence[str],
    *,
    ratios: Mapping[str, float],
    seed: int,
    fixed: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """A part for each group, so that each class comes as near to the ratios as groups allow.

    Parameters
    ----------
    groups : sequence of str
        Group of each of the N images.
    labels : sequence of str
        Class of each of the N images.
    ratios : mapping of str to float
        Asked share of each part; they need not sum to one.
    seed : int
        Of the order of groups that are alike. The order of the rows does not matter.
    fixed : mapping of str to str, optional
        Groups that have a part already.

    Returns
    -------
    dict of str to str
        The part of every group.

    Notes
    -----
    Groups with the most images of scarce classes are dealt first, each to the part that lacks
    most (iterative stratification: Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011, on groups),
    then single groups are moved or swapped while that brings the counts nearer to what was asked.
    At last groups are moved until no part as a whole is farther from what can be reached than the
    largest group, and none is empty that need not be: many small classes alone would all go to
    the largest part.
    """
    parts = list(ratios)
    names, counts = _counts(groups, labels)
    if not names:
        return {}
    share = np.array([ratios[part] for part in parts], dtype=float)
    share = share / share.sum()
    wanted = counts.sum(axis=0)[None, :] * share[:, None]
    weight = 1.0 / np.maximum(counts.sum(axis=0), 1)
    known = fixed or {}
    part_of = np.array([parts.index(known[n]) if known.get(n) in parts else -1 for n in names])
    free = np.flatnonzero(part_of < 0)
    order = _order(names, counts, free, weight, seed)
    have = np.zeros_like(wanted)
    np.add.at(have, part_of[part_of >= 0], counts[part_of >= 0])
    allowed = np.flatnonzero(share > 0)
    for at in order:
        gap = ((wanted - have) * weight)[allowed]
        gain = _gain(counts[at] * weight, gap)
        best = allowed[int(np.argmax(gain))]
        part_of[at] = best
        have[best] += counts[at]
    _improve(part_of, order, counts, have, wanted, weight, allowed)
    _even_out(part_of, order, counts, share)
    return {name: parts[part] for name, part in zip(names, part_of, strict=True)}


def folds(groups: Sequence[str], labels: Sequence[str], *, k: int, seed: int) -> np.ndarray:
    """Number of the fold of each image, 0 to ``k`` - 1; whole groups, classes in balance.

    Parameters
    ----------
    groups, labels : sequence of str
        Group and class of each of the N images.
    k : int
        Number of folds, at least 2.
    seed : int
        Of the order of groups that are alike.

    Returns
    -------
    ndarray of int64, shape ``(N,)``

    Raises
    ------
    ValueError
        ``k`` is less than 2 or more than there are groups.
    """
    n_groups = len(set(groups))
    if not 2 <= k <= max(n_groups, 1):
        msg = f"{k} folds of {n_groups} groups: ask for 2 to {n_groups}"
        raise ValueError(msg)
    ratios = {str(fold): 1.0 for fold in range(k)}
    found = assign_groups(groups, labels, ratios=ratios, seed=seed)
    return np.array([int(found[group]) for group in groups], dtype=np.int64)


def _counts(groups: Sequence[str], labels: Sequence[str]) -> tuple[list[str], np.ndarray]:
    names, group_at = np.unique(np.asarray(groups, dtype=object).astype(str), return_inverse=True)
    classes, class_at = np.unique(np.asarray(labels, dtype=object).astype(str), return_inverse=True)
    counts = np.zeros((len(names), max(len(classes), 1)))
    np.add.at(counts, (group_at, class_at), 1)
    return [str(name) for name in names], counts


def _order(
    names: list[str], counts: np.ndarray, free: np.ndarray, weight: np.ndarray, seed: int
) -> list[int]:
    heavy = (counts * weight).max(axis=1)

    def key(at: int) -> tuple[float, bytes]:
        drawn = hashlib.blake2b(f"{seed}\x1f{names[at]}".encode(), digest_size=8).digest()
        return (-float(heavy[at]), drawn)

    return sorted((int(at) for at in free), key=key)


def _gain(group: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """How much nearer the squared distance comes when the group goes to each part."""
    return np.asarray((2 * gap * group - group * group).sum(axis=1))


def _improve(
    part_of: np.ndarray,
    order: list[int],
    counts: np.ndarray,
    have: np.ndarray,
    wanted: np.ndarray,
    weight: np.ndarray,
    allowed: np.ndarray,
) -> None:
    if not order or len(allowed) < 2:
        return
    free = np.array(order)
    size = counts[free] * weight
    for _ in range(min(_MAX_MOVES, _MAX_LOOKED_AT // len(free))):
        gap = (wanted - have) * weight
        here = part_of[free]
        # Leaving costs or gives: squared distance of the part it leaves.
        leave = (-2 * gap[here] * size - size * size).sum(axis=1)
        enter = np.stack([(2 * gap[part] * size - size * size).sum(axis=1) for part in allowed], 1)
        enter[here[:, None] == allowed[None, :]] = -np.inf
        gain = leave[:, None] + enter
        at, to = np.unravel_index(int(np.argmax(gain)), gain.shape)
        if gain[at, to] <= 1e-12 and not _swap(part_of, free, counts, have, wanted, weight):
            return
        if gain[at, to] > 1e-12:
            group, part = free[at], allowed[to]
            have[part_of[group]] -= counts[group]
            have[part] += counts[group]
            part_of[group] = part


def reachable(share: np.ndarray, floor: np.ndarray, total: float) -> np.ndarray:
    """Images of each part nearest to the asked shares, where parts hold some already.

    Parameters
    ----------
    share : ndarray of float, shape ``(P,)``
        Asked share of each part; they sum to one.
    floor : ndarray of float, shape ``(P,)``
        Images that each part holds already and cannot give away.
    total : float
        Images in all.
    """
    pinned = share <= 0
    while True:
        left = total - floor[pinned].sum()
        free = share[~pinned].sum()
        target = np.where(pinned, floor, share * (left / free if free else 0.0))
        over = ~pinned & (floor > target)
        if not over.any():
            return np.asarray(target)
        pinned |= over


def _even_out(part_of: np.ndarray, order: list[int], counts: np.ndarray, share: np.ndarray) -> None:
    """Move groups until the parts as wholes are as near to the ratios as groups allow."""
    if not order:
        return
    size, free = counts.sum(axis=1), np.array(order)
    held = np.zeros(len(size), dtype=bool)
    held[part_of >= 0] = True
    held[free] = False
    parts = len(share)
    floor = np.bincount(part_of[held], weights=size[held], minlength=parts)
    target = reachable(share, floor, float(size.sum()))
    largest = size[free].max()
    while True:
        away = np.bincount(part_of, weights=size, minlength=parts) - target
        over, under = int(away.argmax()), int(np.where(share > 0, away, np.inf).argmin())
        if max(away[over], -away[under]) <= largest + 1e-9:
            break
        # Any free group of the fuller part is smaller than the distance between the two.
        part_of[_scarcest_less(free[part_of[free] == over], counts)] = under
    _fill_empty(part_of, free, counts, share)


def _fill_empty(
    part_of: np.ndarray, free: np.ndarray, counts: np.ndarray, share: np.ndarray
) -> None:
    for part in np.flatnonzero(share > 0):
        groups = np.bincount(part_of, minlength=len(share))
        giving = free[groups[part_of[free]] > 1]
        if groups[part] == 0 and len(giving):
            part_of[_scarcest_less(giving, counts)] = part


def _scarcest_less(groups: np.ndarray, counts: np.ndarray) -> int:
    """The smallest of some groups, of the most frequent classes: its part misses it least."""
    weight = 1.0 / np.maximum(counts.sum(axis=0), 1)
    lost = (counts[groups] * weight).sum(axis=1)
    return int(groups[int(lost.argmin())])


def _swap(
    part_of: np.ndarray,
    free: np.ndarray,
    counts: np.ndarray,
    have: np.ndarray,
    wanted: np.ndarray,
    weight: np.ndarray,
) -> bool:
    """Swap the two groups that gain most, among the heaviest; False when none gains."""
    some = free[:_SWAP_SAMPLE]
    gap = (wanted - have) * weight
    size = counts[some] * weight
    here = part_of[some]
    best, pair = 1e-12, None
    for i in range(len(some)):
        others = np.flatnonzero(here != here[i])
        if not len(others):
            continue
        step = size[others] - size[i]
        gain = 2 * ((gap[here[i]] - gap[here[others]]) * step).sum(axis=1)
        gain -= 2 * (step * step).sum(axis=1)
        top = int(np.argmax(gain))
        if gain[top] > best:
            best, pair = float(gain[top]), (some[i], some[others[top]])
    if pair is None:
        return False
    one, other = pair
    have[part_of[one]] += counts[other] - counts[one]
    have[part_of[other]] += counts[one] - counts[other]
    part_of[one], part_of[other] = part_of[other], part_of[one]
    return True
