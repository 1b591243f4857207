"""Groups: images that no split may part, tied by union-find over all that ties them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance, content_hash
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.groups.lineage import parents_of
from cosmic_morphology.curate.groups.titles import named_in, names_key, title_series
from cosmic_morphology.display import Shown
from cosmic_morphology.settings import CurateSettings

STAGE = "group"
CODE = "2"
COLUMNS = (
    "source", "collection", "title", "names", "albums", "created_at", "lineage", "credit",
    "duplicate_of",
)  # fmt: skip
# Ties that always hold; the others are refused where a group would grow beyond all bounds.
ALWAYS = ("copy", "lineage", "press", "object")
KEY_KINDS = (*ALWAYS, "series", "album", "day")
# Of these one key alone may be so broad that it means nothing (a planet, a survey).
_BOUNDED = ("object", "series", "album", "day")
_REASONS = {
    "copy": "copies of one image",
    "lineage": "same lineage",
    "press": "same press image {}",
    "object": "same object {}",
    "series": "same series {!r}",
    "album": "same album {!r}",
    "day": "same day {}",
}


@dataclass(frozen=True, slots=True, repr=False)
class GroupResult(Shown):
    """What :func:`group_images` did.

    Attributes
    ----------
    images, groups : int
        Images, and groups (an image alone is a group).
    largest : int
        Images of the largest group.
    ties : dict of str to int
        Keys of each kind that tied two or more images.
    too_broad : dict of str to int
        Keys that stand for too many images to mean one thing, with their number.
    refused : dict of str to int
        Keys that would have made a group too large, with their images.
    changed : bool
        False when everything was up to date already.
    """

    images: int = 0
    groups: int = 0
    largest: int = 0
    ties: dict[str, int] = field(default_factory=dict)
    too_common: dict[str, int] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    changed: bool = True


@dataclass(frozen=True, slots=True)
class Grouping:
    """What :func:`build_groups` decided: each row's group and why, and the keys left unused."""

    group: list[str]
    reason: list[str]
    ties: dict[str, int]
    too_common: dict[str, int]
    refused: dict[str, int]


def group_images(atlas: Atlas, *, settings: CurateSettings) -> GroupResult:
    """Write ``group`` and ``group_reason`` of every image.

    Images are tied when they are copies, share lineage, are one press image, show the same
    named object, belong to one series of titles of one collection, to one small album, or show
    the same broad object (such as Jupiter) on the same day.

    Parameters
    ----------
    atlas : Atlas
        Read (what sources say, ``duplicate_of``) and written.
    settings : CurateSettings
        ``groups``.

    Examples
    --------
    >>> group_images(atlas, settings=cosmic.load_settings().curate).images
    24
    """
    rows = atlas.read(["id", *COLUMNS]).sort_by("id")
    stamp = ColumnProvenance(
        STAGE, _parameters(settings), CODE, inputs=content_hash(rows.to_pydict())
    )
    found = build_groups(rows, settings=settings)
    changed = not stamp.is_current(atlas.provenance_of("group"))
    if changed:
        atlas.replace_columns(
            pa.table(
                {
                    "id": rows.column("id"),
                    "group": pa.array(found.group, pa.string()),
                    "group_reason": pa.array(found.reason, pa.string()),
                }
            ),
            stamp,
        )
    sizes = Counter(found.group)
    return GroupResult(
        images=rows.num_rows,
        groups=len(sizes),
        largest=max(sizes.values(), default=0),
        ties=found.ties,
        too_common=found.too_common,
        refused=found.refused,
        changed=changed,
    )


def build_groups(rows: pa.Table, *, settings: CurateSettings) -> Grouping:
    """Decide the group of every row; pure, and the same whatever the order of the rows.

    Parameters
    ----------
    rows : pyarrow.Table
        ``id``, ``source``, ``collection``, ``title``, ``names``, ``albums``, ``created_at``,
        ``lineage``, ``credit`` and ``duplicate_of``.
    settings : CurateSettings
        What is too broad to tie.
    """
    listed = rows.to_pylist()
    order = sorted(range(len(listed)), key=lambda at: str(listed[at]["id"]))
    listed = [listed[at] for at in order]
    members, too_broad = grouping_keys(listed, settings=settings)
    bound = _bound(len(listed), settings)
    sets = UnionFind(len(listed))
    used: dict[int, list[str]] = defaultdict(list)
    ties: Counter[str] = Counter()
    refused: dict[str, int] = {}
    for kind, key in sorted(members, key=lambda each: (KEY_KINDS.index(each[0]), each[1])):
        rows_of_key = members[kind, key]
        if not sets.join(rows_of_key, at_most=None if kind in ALWAYS else bound):
            refused[f"{kind}: {key}"] = len(rows_of_key)
            continue
        ties[kind] += 1
        for at in rows_of_key:
            used[at].append(_REASONS[kind].format(key.rpartition("|")[2]))
    labels = sets.labels()
    group, reason = [""] * len(listed), [""] * len(listed)
    for at, row in enumerate(order):
        group[row] = str(listed[labels[at]]["id"])
        reason[row] = "; ".join(dict.fromkeys(used[at]))
    return Grouping(group, reason, dict(ties), too_broad, refused)


def grouping_keys(
    listed: list[dict[str, Any]], settings: CurateSettings
) -> tuple[dict[tuple[str, str], list[int]], dict[str, int]]:
    """What ties rows: each (kind, key) with its two or more rows; and the keys too broad for that.

    Parameters
    ----------
    listed : list of dict
        Rows with ``id`` and :data:`COLUMNS`.
    settings : CurateSettings
        ``group_*``.
    """
    broad = {name.lower() for name in settings.groups.broad_objects}
    bound = _bound(len(listed), settings)
    ids = {row["id"] for row in listed}
    members: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, row in enumerate(listed):
        for key in dict.fromkeys(_keys(row, broad, ids)):
            members[key].append(at)
    kept: dict[tuple[str, str], list[int]] = {}
    too_broad: dict[str, int] = {}
    for (kind, name), rows in members.items():
        largest = settings.groups.max_album if kind == "album" else bound
        if kind in _BOUNDED and len(rows) > largest:
            too_broad[f"{kind}: {name}"] = len(rows)
        elif len(rows) > 1:
            kept[kind, name] = rows
    return kept, too_broad


def _bound(images: int, settings: CurateSettings) -> int:
    return max(settings.groups.min_cap, round(settings.groups.max_share * images))


def _parameters(settings: CurateSettings) -> dict[str, Any]:
    chosen = {
        name: value for name, value in settings.model_dump().items() if name.startswith("group_")
    }
    return {**chosen, "names": names_key()}


def _keys(row: dict[str, Any], broad: set[str], ids: set[str]) -> Iterator[tuple[str, str]]:
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
    for name in said.objects:
        if name not in broad:
            yield "object", name
        elif len(day) == 10:
            yield "day", f"{place}|{name}|{day}"
    series = title_series(row["title"] or "")
    if series:
        # The number of an object is no number of a part: NGC 100 and NGC 101 are no series.
        named = sorted(set(said.objects) - broad)
        yield "series", "|".join((place, *named, series))
    for album in row["albums"] or ():
        yield "album", f"{place}|{album}"
