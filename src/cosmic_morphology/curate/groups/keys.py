"""What ties images: names, lineage, series and albums that two or more of them share."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.curate.groups.lineage import parents_of
from cosmic_morphology.curate.groups.titles import named_in, title_series
from cosmic_morphology.curate.hashed import HashedSet, hash64
from cosmic_morphology.settings import CurateSettings, GroupSettings

COLUMNS = (
    "source", "collection", "title", "names", "albums", "created_at", "lineage", "credit",
    "duplicate_of",
)  # fmt: skip
# Ties that always hold; the others are refused where a group would grow beyond all bounds.
ALWAYS = ("copy", "lineage", "press", "object", "body")
KEY_KINDS = (*ALWAYS, "series", "album", "day")
# Keys are sorted in so many parts.
_PARTS_BITS = 4
_PARTS = 1 << _PARTS_BITS
# Of these one key alone may be so broad that it means nothing (a planet, a survey).
_BOUNDED = ("object", "series", "album", "day")

Batches = Callable[[], Iterable[tuple[NDArray[np.int32], pa.Table]]]
"""Goes through all records, from the start each time: numbers by id, and ``id`` and COLUMNS."""

KeysOf = Callable[[dict[str, Any]], Iterator[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class SharedKeys:
    """Keys that two or more images share, in the order in which groups are tied by them.

    Attributes
    ----------
    kinds, names : list of str
        Kind and name of each key, sorted by :data:`KEY_KINDS` and name.
    members : ndarray of int32
        Numbers of the images that have the first key, then of those that have the second, ...
    starts : ndarray of int64
        Where the images of each key begin, and at last their number.
    too_common : dict of str to int
        Keys that stand for too many images to mean one thing, with their number.
    """

    kinds: list[str]
    names: list[str]
    members: NDArray[np.int32]
    starts: NDArray[np.int64]
    too_common: dict[str, int]

    def __iter__(self) -> Iterator[tuple[str, str, NDArray[np.int32]]]:
        for at, (kind, name) in enumerate(zip(self.kinds, self.names, strict=True)):
            yield kind, name, self.members[self.starts[at] : self.starts[at + 1]]


def bound_of_groups(images: int, settings: CurateSettings) -> int:
    """Largest group that is tied by more than copies, lineage, press images and objects."""
    return max(settings.groups.min_cap, round(settings.groups.max_share * images))


def shared_keys(batches: Batches, n: int, settings: CurateSettings) -> SharedKeys:
    """What ties N images; of keys that only one image has no more than a hash is ever held.

    Parameters
    ----------
    batches : callable
        See :data:`Batches`.
    n : int
        Number of images.
    settings : CurateSettings
        ``groups``.
    """
    broad = broad_names(settings.groups)
    as_object = settings.groups.single_bodies == "object"
    ids = HashedSet(
        _joined((hash64(rows.column("id").to_pylist()) for _, rows in batches()), np.uint64)
    )

    def keys_of(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
        return _keys(row, broad, ids, bodies_are_objects=as_object)

    hashes, rows_of = _shared_hashes(batches, keys_of)
    first = np.flatnonzero(_is_first(hashes))
    sizes = np.diff(np.append(first, len(hashes)))
    has_one = np.zeros(n, bool)
    has_one[rows_of[first]] = True
    keys = _names_of(batches, keys_of, hashes[first], has_one)
    bound = bound_of_groups(n, settings)
    kept, too_common = [], {}
    for at, ((kind, name), size) in enumerate(zip(keys, sizes.tolist(), strict=True)):
        if kind in _BOUNDED and size > (settings.groups.max_album if kind == "album" else bound):
            too_common[f"{kind}: {name}"] = size
        else:
            kept.append(at)
    kept.sort(key=lambda at: (KEY_KINDS.index(keys[at][0]), keys[at][1]))
    starts = np.concatenate([[0], np.cumsum(sizes[kept])])
    # The images of a key stand together: from the first of each key on, so many.
    places = np.arange(starts[-1]) + np.repeat(first[kept] - starts[:-1], sizes[kept])
    return SharedKeys(
        kinds=[keys[at][0] for at in kept],
        names=[keys[at][1] for at in kept],
        members=rows_of[places],
        starts=starts,
        too_common=dict(sorted(too_common.items(), key=lambda each: (-each[1], each[0]))),
    )


def _joined(parts: Iterable[NDArray[Any]], kind: type[np.generic]) -> NDArray[Any]:
    return np.concatenate([np.empty(0, kind), *parts])


def _shared_hashes(
    batches: Batches, keys_of: KeysOf
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Hashes of keys that two or more images have, ascending, and the images' numbers.

    They come in parts by their first bits, so that one part is sorted at a time.
    """
    parts: list[list[tuple[NDArray[np.uint64], NDArray[np.int32]]]] = [[] for _ in range(_PARTS)]
    for places, rows in batches():
        keys = [tuple(dict.fromkeys(keys_of(row))) for row in rows.to_pylist()]
        hashes = hash64(_one_text(key) for mine in keys for key in mine)
        rows_of = np.repeat(places, [len(mine) for mine in keys])
        part = (hashes >> np.uint64(64 - _PARTS_BITS)).astype(np.intp)
        order = np.argsort(part, kind="stable")
        ends = np.cumsum(np.bincount(part, minlength=_PARTS))[:-1]
        split = np.split(hashes[order], ends), np.split(rows_of[order], ends)
        for kept, mine, of in zip(parts, *split, strict=True):
            kept.append((mine.copy(), of.copy()))
    shared = []
    while parts:
        shared.append(_shared_of(parts.pop(0)))
    return np.concatenate([each for each, _ in shared]), np.concatenate(
        [each for _, each in shared]
    )


def _shared_of(
    some: list[tuple[NDArray[np.uint64], NDArray[np.int32]]],
) -> tuple[NDArray[np.uint64], NDArray[np.int32]]:
    """Those of some hashes that occur twice, sorted, and of one hash by number."""
    hashes = _joined((each for each, _ in some), np.uint64)
    rows_of = _joined((each for _, each in some), np.int32)
    order = np.lexsort((rows_of, hashes))
    hashes, rows_of = hashes[order], rows_of[order]
    is_first = _is_first(hashes)
    is_shared = ~is_first
    is_shared[:-1] |= ~is_first[1:]
    return hashes[is_shared], rows_of[is_shared]


def _is_first(ordered: NDArray[np.uint64]) -> NDArray[np.bool_]:
    """Where each different value begins."""
    is_first = np.ones(len(ordered), bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    return is_first


def _names_of(
    batches: Batches,
    keys_of: KeysOf,
    hashes: NDArray[np.uint64],
    has_one: NDArray[np.bool_],
) -> list[tuple[str, str]]:
    """Kind and name of keys whose hashes are known (sorted); only some images are looked at."""
    found: list[tuple[str, str]] = [("", "")] * len(hashes)
    for places, rows in batches():
        some = rows.filter(pa.array(has_one[places]))
        keys = [key for row in some.to_pylist() for key in keys_of(row)]
        hashed = hash64(map(_one_text, keys))
        at = np.minimum(np.searchsorted(hashes, hashed), max(len(hashes) - 1, 0))
        for number, key, same in zip(at.tolist(), keys, hashes[at] == hashed, strict=True):
            if same:
                found[number] = key
    return found


def _one_text(key: tuple[str, str]) -> str:
    return "\x1f".join(key)


def broad_names(settings: GroupSettings) -> frozenset[str]:
    """Names of the single bodies with many images, as :func:`named_in` gives them."""
    return frozenset(name.lower() for name in settings.broad_objects)


def _keys(
    row: dict[str, Any],
    broad: frozenset[str],
    ids: Container[str],
    *,
    bodies_are_objects: bool,
) -> Iterator[tuple[str, str]]:
    place = f"{row['source']}|{row['collection'] or ''}"
    source_id = str(row["id"]).partition(":")[2]
    yield "copy", row["duplicate_of"] or row["id"]
    yield "lineage", row["id"]
    for parent in parents_of(row, ids):
        yield "lineage", parent
    said = named_in(row["title"] or "", names=row["names"] or (), file_name=source_id)
    for press in said.press:
        yield "press", press
    day = (row["created_at"] or "")[:10]
    # Two bodies in one sky would tie all images of either.
    one_body = len(said.objects & broad) == 1
    for name in said.objects:
        if name not in broad:
            yield "object", name
        elif bodies_are_objects and one_body:
            yield "body", name
        elif len(day) == 10:
            yield "day", f"{place}|{name}|{day}"
    series = title_series(row["title"] or "")
    if series:
        # The number of an object is no number of a part: NGC 100 and NGC 101 are no series.
        named = sorted(set(said.objects) - broad)
        yield "series", "|".join((place, *named, series))
    for album in row["albums"] or ():
        yield "album", f"{place}|{album}"
