"""What is in an atlas, counted: classes, sources, sizes, splits, copies."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmic_morphology.atlas import SPLITS, Atlas
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

UNLABELLED = "(open)"
AMBIGUOUS = "(several)"
_COUNTED = (*SPLITS, "none")
_COLUMNS = ("id", "source", "collection", "label", "votes", "queries", "given_label", "split")
_COPIES = ("duplicate_flag", "duplicate_of", "duplicate_reason")


@dataclass(frozen=True, slots=True)
class DuplicateSet:
    """An image with its copies, the kept one first, and why they are copies."""

    ids: tuple[str, ...]
    reason: str


@dataclass(frozen=True, slots=True, eq=False)
class AtlasOverview:
    """What is in an atlas.

    Attributes
    ----------
    label_source : str
        Where the classes come from: ``label``, ``votes``, ``queries``, or empty.
    label_of : dict of str to str
        Class of each image, by id; ``(open)`` where nobody can say.
    classes : dict of str to int
        Images of each class, in the order of the taxonomy, what is open last.
    splits : dict of str to dict of str to int
        Images of each class in train, val, test and none; empty without a split.
    sources : dict of str to dict of str to int
        Images of each source, by class; most images first.
    collections : dict of str to dict of str to int
        The same for collections within sources.
    widths, heights : ndarray of int, shape ``(N,)``
        Of the originals, in pixels.
    copies : tuple of DuplicateSet
        Most copies first.
    """

    label_source: str
    label_of: dict[str, str]
    classes: dict[str, int]
    splits: dict[str, dict[str, int]]
    sources: dict[str, dict[str, int]]
    collections: dict[str, dict[str, int]]
    widths: np.ndarray
    heights: np.ndarray
    copies: tuple[DuplicateSet, ...]

    @property
    def images(self) -> int:
        """Images in all."""
        return len(self.label_of)

    @property
    def duplicates(self) -> int:
        """Images that are not the kept copy of theirs."""
        return sum(len(each.ids) - 1 for each in self.copies)

    def samples(self, name: str, count: int) -> list[str]:
        """Some images of a class: always the same ones, and in no order of the archive.

        Copies are passed over. The order is that of a hash of the id, so neither the best nor the
        first of a search are favoured.
        """
        copies = {each for found in self.copies for each in found.ids[1:]}
        own = {each for each, label in self.label_of.items() if label == name} - copies
        return sorted(own, key=lambda each: hashlib.sha256(each.encode()).digest())[:count]


def summarise_atlas(atlas: Atlas, *, taxonomy: Taxonomy | None = None) -> AtlasOverview:
    """Count what is in an atlas; nothing is decoded, and no column is needed.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    taxonomy : Taxonomy, optional
        Gives the order of the classes and the class of a search word.
    """
    taxonomy = taxonomy or load_taxonomy()
    columns = [name for name in (*_COLUMNS, *_COPIES) if name in atlas.columns()]
    found = atlas.read(columns, with_image=True).sort_by("id").to_pylist()
    rows = [{**dict.fromkeys(_COLUMNS), **row} for row in found]
    source, label_of = _labels(rows, taxonomy)
    sizes = atlas.read(["id", "width", "height"], table="images").sort_by("id")
    order = [*taxonomy.names_with_reject]
    return AtlasOverview(
        label_source=source,
        label_of=label_of,
        classes=_in_order(Counter(label_of.values()), order),
        splits=_splits(rows, label_of, order),
        sources=_balance(rows, label_of, lambda row: row["source"], order),
        collections=_balance(rows, label_of, lambda row: row["collection"], order),
        widths=sizes.column("width").to_numpy(),
        heights=sizes.column("height").to_numpy(),
        copies=_copies(rows),
    )


def _labels(rows: Sequence[Mapping[str, Any]], taxonomy: Taxonomy) -> tuple[str, dict[str, str]]:
    """The best source of labels that this atlas has for any image."""
    for source, label in (("label", _label_of), ("votes", _voted), ("queries", _searched)):
        found = {row["id"]: label(row, taxonomy) for row in rows}
        if any(name != UNLABELLED for name in found.values()):
            return source, found
    return "", {row["id"]: UNLABELLED for row in rows}


def _label_of(row: Mapping[str, Any], _: Taxonomy) -> str:
    return str(row["label"] or UNLABELLED)


def _voted(row: Mapping[str, Any], _: Taxonomy) -> str:
    weights: dict[str, float] = {}
    for vote in row["votes"] or ():
        weights[vote["label"]] = weights.get(vote["label"], 0.0) + (vote["weight"] or 0.0)
    # Of equally heavy classes the first by name: the same answer in every run.
    return min(weights, key=lambda name: (-weights[name], name)) if weights else UNLABELLED


def _searched(row: Mapping[str, Any], taxonomy: Taxonomy) -> str:
    words = [query.rpartition(":")[2].lower() for query in row["queries"] or ()]
    names = {taxonomy.class_of_word.get(word, word) for word in words}
    if not names and row["given_label"]:
        return str(row["given_label"])
    return names.pop() if len(names) == 1 else AMBIGUOUS if names else UNLABELLED


def _splits(
    rows: Sequence[Mapping[str, Any]], label_of: Mapping[str, str], order: Sequence[str]
) -> dict[str, dict[str, int]]:
    if not any(row["split"] for row in rows):
        return {}
    counts = Counter((label_of[row["id"]], row["split"] or "none") for row in rows)
    names = _in_order(Counter(label_of.values()), order)
    return {name: {split: counts[name, split] for split in _COUNTED} for name in names}


def _balance(
    rows: Sequence[Mapping[str, Any]],
    label_of: Mapping[str, str],
    part: Any,
    order: Sequence[str],
) -> dict[str, dict[str, int]]:
    found: dict[str, Counter[str]] = {}
    for row in rows:
        found.setdefault(part(row) or "(not given)", Counter())[label_of[row["id"]]] += 1
    ranked = sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))
    return {name: _in_order(counts, order) for name, counts in ranked}


def _in_order(counts: Mapping[str, int], order: Sequence[str]) -> dict[str, int]:
    """Classes of the taxonomy first, other names after them, what is open last."""
    place = {name: at for at, name in enumerate(order)}
    last = {AMBIGUOUS: len(order) + 1, UNLABELLED: len(order) + 2}

    def rank(name: str) -> tuple[int, str]:
        return (place.get(name, last.get(name, len(order))), name)

    return {name: counts[name] for name in sorted(counts, key=rank)}


def _copies(rows: Sequence[Mapping[str, Any]]) -> tuple[DuplicateSet, ...]:
    sets: dict[str, list[str]] = {}
    reasons: dict[str, str] = {}
    known = {row["id"] for row in rows}
    for row in rows:
        best = row.get("duplicate_of")
        if row.get("duplicate_flag") and best in known:
            sets.setdefault(str(best), []).append(row["id"])
            reasons.setdefault(str(best), str(row.get("duplicate_reason") or ""))
    ranked = sorted(sets.items(), key=lambda item: (-len(item[1]), item[0]))
    return tuple(
        DuplicateSet((best, *sorted(copies)), reasons[best].partition(" as ")[0])
        for best, copies in ranked
    )
