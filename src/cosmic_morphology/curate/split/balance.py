"""Bringing a deal of groups nearer to what is asked: single groups are moved, or two swapped."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

# Rounds of moving one group or swapping two that make the balance better.
_MAX_MOVES = 2000
# Moves times groups: with very many groups the first deal is as good as balance gets.
_MAX_LOOKED_AT = 50_000_000
_SWAP_SAMPLE = 400
# Groups that are looked at together.
_AT_ONCE = 65_536


@dataclass(frozen=True, slots=True)
class GroupCounts:
    """Images of each class in each group; most groups are alike, so that kinds of them are held.

    Attributes
    ----------
    counts : ndarray of float, shape ``(K, C)``
        Images of each class in a group of each kind.
    kind : ndarray of int64, shape ``(G,)``
        Kind of each group.
    images : ndarray of float, shape ``(C,)``
        Images of each class in all groups.
    weight : ndarray of float, shape ``(C,)``
        What an image of each class weighs: one over their number.
    """

    counts: NDArray[np.float64]
    kind: NDArray[np.int64]
    images: NDArray[np.float64]
    weight: NDArray[np.float64]

    @classmethod
    def of_images(cls, group: NDArray[np.int64], stratum: NDArray[np.int32], n: int) -> GroupCounts:
        """Count the images of ``n`` groups; there is never a matrix of all groups and classes.

        Parameters
        ----------
        group, stratum : ndarray of int, shape ``(N,)``
            Group and class of each image.
        n : int
            Number of groups; each has an image.
        """
        classes = np.unique(stratum)
        kind = np.zeros(n, np.int64)
        for each in classes:
            mine = np.bincount(group[stratum == each], minlength=n)
            kind = np.unique(kind * (mine.max() + 1) + mine, return_inverse=True)[1]
        _, one_of = np.unique(kind, return_index=True)
        counts = np.zeros((len(one_of), len(classes)))
        for at, each in enumerate(classes):
            counts[:, at] = np.bincount(group[stratum == each], minlength=n)[one_of]
        images = np.bincount(kind) @ counts
        return cls(counts, kind, images, 1.0 / np.maximum(images, 1))

    def of(self, groups: NDArray[np.int64] | int) -> NDArray[np.float64]:
        """Images of each class in some groups."""
        return self.counts[self.kind[groups]]

    def of_parts(self, part_of: NDArray[np.int32], parts: int) -> NDArray[np.float64]:
        """Images of each class in each part, shape ``(P, C)``; groups of part -1 are in none."""
        kinds = [np.bincount(self.kind[part_of == at], minlength=len(self.counts))
                 for at in range(parts)]  # fmt: skip
        return np.stack(kinds) @ self.counts


@dataclass(slots=True)
class Deal:
    """Free groups that are dealt into parts beside those that have one; each step changes it.

    Attributes
    ----------
    part_of : ndarray of int32, shape ``(G,)``
        The part of every group; -1: none yet.
    order : ndarray of int64, shape ``(F,)``
        The free groups in the order in which they are dealt.
    groups : GroupCounts
        What is in the groups.
    share : ndarray of float, shape ``(P,)``
        Asked share of each part; they sum to one.
    """

    part_of: NDArray[np.int32]
    order: NDArray[np.int64]
    groups: GroupCounts
    share: NDArray[np.float64]
    _have: NDArray[np.float64] = field(init=False)
    _wanted: NDArray[np.float64] = field(init=False)
    _allowed: NDArray[np.int64] = field(init=False)

    def __post_init__(self) -> None:
        self._have = self.groups.of_parts(self.part_of, len(self.share))
        self._wanted = self.groups.images[None, :] * self.share[:, None]
        self._allowed = np.flatnonzero(self.share > 0)

    def give_out(self) -> None:
        """Give each group to the part that lacks most."""
        for at in self.order:
            counts = self.groups.of(at)
            gain = gain_of(counts * self.groups.weight, self._gap()[self._allowed])
            best = self._allowed[int(np.argmax(gain))]
            self.part_of[at] = best
            self._have[best] += counts

    def improve(self) -> None:
        """Move one group or swap two, as long as the counts come nearer to what is wanted."""
        if not len(self.order) or len(self._allowed) < 2:
            return
        starts = range(0, len(self.order), _AT_ONCE)
        for _ in range(min(_MAX_MOVES, _MAX_LOOKED_AT // len(self.order))):
            moves = [self._best_move(self.order[start : start + _AT_ONCE]) for start in starts]
            gain, at, to = max(moves, key=lambda move: move[0])
            if gain > 1e-12:
                self._have[self.part_of[at]] -= self.groups.of(at)
                self._have[to] += self.groups.of(at)
                self.part_of[at] = to
            elif not self._swap():
                return

    def even_out(self) -> None:
        """Move groups until the parts as wholes are as near to the ratios as groups allow."""
        part_of, order, share = self.part_of, self.order, self.share
        if not len(order):
            return
        size = self.groups.counts.sum(axis=1)[self.groups.kind]
        is_held = part_of >= 0
        is_held[order] = False
        parts = len(share)
        floor = np.bincount(part_of[is_held], weights=size[is_held], minlength=parts)
        target = reachable(share, floor, float(size.sum()))
        largest = size[order].max()
        in_parts = np.bincount(part_of, weights=size, minlength=parts)
        least = _least_missed(order, self.groups)
        waiting: dict[int, list[int]] = {}
        while True:
            away = in_parts - target
            over, under = int(away.argmax()), int(np.where(share > 0, away, np.inf).argmin())
            if max(away[over], -away[under]) <= largest + 1e-9:
                break
            # Any free group of the fuller part is smaller than the distance between the two.
            for part in (over, under):
                if part not in waiting:
                    waiting[part] = np.flatnonzero(part_of[least] == part).tolist()
            first = heapq.heappop(waiting[over])
            heapq.heappush(waiting[under], first)
            part_of[least[first]] = under
            in_parts[[over, under]] += np.array([-1, 1]) * size[least[first]]
        for part in np.flatnonzero(share > 0).tolist():
            n_groups = np.bincount(part_of, minlength=parts)
            giving = order[n_groups[part_of[order]] > 1]
            if n_groups[part] or not len(giving):
                continue
            # Of the part that has most too many: another might fall far below what it is to have.
            away = (in_parts - target)[part_of[giving]]
            at = int(_least_missed(giving[away == away.max()], self.groups)[0])
            in_parts[[part_of[at], part]] += np.array([-1, 1]) * size[at]
            part_of[at] = part

    def _gap(self) -> NDArray[np.float64]:
        """What each part lacks of each class, as the classes weigh: shape ``(P, C)``."""
        return (self._wanted - self._have) * self.groups.weight

    def _best_move(self, some: NDArray[np.int64]) -> tuple[float, int, int]:
        """What is gained by the best move of one group, the group, and the part it goes to."""
        here, gap = self.part_of[some], self._gap()
        size = self.groups.of(some) * self.groups.weight
        # Leaving costs or gives: squared distance of the part it leaves.
        leave = (-2 * gap[here] * size - size * size).sum(axis=1)
        enter = np.stack([gain_of(size, gap[part]) for part in self._allowed], 1)
        enter[here[:, None] == self._allowed[None, :]] = -np.inf
        gain = leave[:, None] + enter
        at, to = np.unravel_index(int(np.argmax(gain)), gain.shape)
        return float(gain[at, to]), int(some[at]), int(self._allowed[to])

    def _swap(self) -> bool:
        """Swap the two groups that gain most, among the heaviest; False when none gains."""
        some = self.order[:_SWAP_SAMPLE]
        gap = self._gap()
        size = self.groups.of(some) * self.groups.weight
        here = self.part_of[some]
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
                best, pair = float(gain[top]), (int(some[i]), int(some[others[top]]))
        if pair is None:
            return False
        one, other = pair
        moved = self.groups.of(other) - self.groups.of(one)
        self._have[self.part_of[one]] += moved
        self._have[self.part_of[other]] -= moved
        self.part_of[one], self.part_of[other] = self.part_of[other], self.part_of[one]
        return True


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


def gain_of(group: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """How much nearer the squared distance comes when the group goes to each part."""
    return np.asarray((2 * gap * group - group * group).sum(axis=1))


def _least_missed(some: NDArray[np.int64], groups: GroupCounts) -> NDArray[np.int64]:
    """Some groups, first the smallest of the most frequent classes: its part misses it least."""
    lost = (groups.counts * groups.weight).sum(axis=1)[groups.kind[some]]
    return some[np.argsort(lost, kind="stable")]
