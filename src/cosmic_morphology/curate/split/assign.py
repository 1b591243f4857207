"""Dealing whole groups into parts, with every class in the asked ratios: pure functions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.curate.hashed import hash64
from cosmic_morphology.curate.records import sorted_codes
from cosmic_morphology.curate.split.balance import Deal, GroupCounts

NONE = "none"
# Groups that are looked at together.
_AT_ONCE = 65_536


def assign_groups(
    group: NDArray[np.int32],
    stratum: NDArray[np.int32],
    names: pa.Array,
    *,
    shares: Sequence[float],
    seed: int,
    fixed: NDArray[np.int32] | None = None,
) -> NDArray[np.int32]:
    """A part for each group, so that each class comes as near to the shares as groups allow.

    Parameters
    ----------
    group, stratum : ndarray of int32, shape ``(N,)``
        Numbers of the group and of the class of each image.
    names : pyarrow.Array
        Names of the G groups.
    shares : sequence of P float
        Asked share of each part; they need not sum to one.
    seed : int
        Of the order of groups that are alike. The order of the images does not matter.
    fixed : ndarray of int32, shape ``(G,)``, optional
        Part that a group has already; -1: none.

    Returns
    -------
    ndarray of int32, shape ``(G,)``
        The part of every group; -1 of a group that has none of the images.

    Notes
    -----
    Groups with the most images of scarce classes are assigned first, each to the part that lacks
    most (iterative stratification: Sechidis, Tsoumakas and Vlahavas, ECML PKDD 2011, on groups),
    then single groups are moved or swapped while that brings the counts nearer to what was asked.
    At last groups are moved until no part as a whole is farther from what can be reached than the
    largest group, and none is empty that need not be: many small classes alone would all go to
    the largest part.
    """
    assigned = np.full(len(names), -1, np.int32)
    if not len(group):
        return assigned
    share = np.array(shares, dtype=float)
    share = share / share.sum()
    there, at = np.unique(group, return_inverse=True)
    groups = GroupCounts.of_images(at, stratum, len(there))
    part_of = assigned[there] if fixed is None else fixed[there]
    order = _order(names.take(pa.array(there)), groups, np.flatnonzero(part_of < 0), seed)
    deal = Deal(part_of, order, groups, share)
    deal.give_out()
    deal.improve()
    deal.even_out()
    assigned[there] = part_of
    return assigned


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
    group, names = sorted_codes(pa.array(groups, pa.string()))
    stratum, _ = sorted_codes(pa.array(labels, pa.string()))
    if not 2 <= k <= max(len(names), 1):
        msg = f"{k} folds of {len(names)} groups: ask for 2 to {len(names)}"
        raise ValueError(msg)
    found = assign_groups(group, stratum, names, shares=[1.0] * k, seed=seed)
    return found[group].astype(np.int64)


def _order(
    names: pa.Array, groups: GroupCounts, free: NDArray[np.int64], seed: int
) -> NDArray[np.int64]:
    """The groups without a part, heavy ones first, those that are alike as they are drawn."""
    heavy = (groups.counts * groups.weight).max(axis=1)
    drawn = [np.empty(0, np.uint64)]
    for start in range(0, len(free), _AT_ONCE):
        some = names.take(pa.array(free[start : start + _AT_ONCE])).to_pylist()
        # Hashes in the order of their bytes.
        drawn.append(hash64(f"{seed}\x1f{name}" for name in some).view(">u8"))
    return np.asarray(free[np.lexsort((np.concatenate(drawn), -heavy[groups.kind[free]]))])
