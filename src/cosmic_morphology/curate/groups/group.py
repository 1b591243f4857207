"""Groups: images that no split may part, tied by union-find over all that ties them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Fingerprint
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.groups.keys import (
    ALWAYS,
    COLUMNS,
    Batches,
    SharedKeys,
    bound_of_groups,
    shared_keys,
)
from cosmic_morphology.curate.groups.titles import names_key
from cosmic_morphology.curate.records import Records
from cosmic_morphology.display import Shown
from cosmic_morphology.settings import CurateSettings

STAGE = "group"
CODE = "3"
# Reasons that are put together at once.
_ROWS = 8192
_REASONS = {
    "copy": "copies of one image",
    "lineage": "same lineage",
    "press": "same press image {}",
    "object": "same object {}",
    "body": "same body {}",
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
    too_common : dict of str to int
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
    """What :func:`decide_groups` decided: each image's group and why, and the keys left unused.

    ``sizes`` are those of the groups, in no order.
    """

    group: pa.Array
    reason: pa.Array
    sizes: NDArray[np.int64]
    ties: dict[str, int]
    too_common: dict[str, int]
    refused: dict[str, int]


def group_images(atlas: Atlas, *, settings: CurateSettings) -> GroupResult:
    """Write ``group`` and ``group_reason`` of every image.

    Images are tied when they are copies, share lineage, are one press image, show the same
    named object, belong to one series of titles of one collection, to one small album, or show
    the same broad object (such as Jupiter) on the same day. With
    ``groups.single_bodies = "object"`` all images of a broad object are tied.

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
    records = Records(atlas)
    inputs = Fingerprint()
    for _, rows in records.batches(["id", *COLUMNS]):
        inputs.add(zip(*(rows.column(name).to_pylist() for name in rows.schema.names), strict=True))
    stamp = ColumnProvenance(STAGE, _parameters(settings), CODE, inputs=str(inputs))
    found = decide_groups(lambda: records.batches(["id", *COLUMNS]), records.ids, settings)
    changed = not stamp.is_current(atlas.provenance_of("group"))
    if changed:
        columns = {"id": records.ids, "group": found.group, "group_reason": found.reason}
        atlas.replace_columns(pa.table(columns), stamp)
    return GroupResult(
        images=len(records),
        groups=len(found.sizes),
        largest=int(found.sizes.max(initial=0)),
        ties=found.ties,
        too_common=found.too_common,
        refused=found.refused,
        changed=changed,
    )


def decide_groups(batches: Batches, ids: pa.Array, settings: CurateSettings) -> Grouping:
    """Decide the group of every image, by id; pure, and the same whatever the order of the rows.

    Parameters
    ----------
    batches : callable
        Gives numbers of images and their rows, with ``id`` and ``COLUMNS``; called twice.
    ids : pyarrow.Array
        The ids, sorted.
    settings : CurateSettings
        What is too broad to tie.
    """
    keys = shared_keys(batches, len(ids), settings)
    bound = bound_of_groups(len(ids), settings)
    sets = UnionFind(len(ids))
    is_used = np.zeros(len(keys.names), bool)
    ties: Counter[str] = Counter()
    refused: dict[str, int] = {}
    for at, (kind, name, members) in enumerate(keys):
        is_used[at] = sets.join(members.tolist(), at_most=None if kind in ALWAYS else bound)
        if is_used[at]:
            ties[kind] += 1
        else:
            refused[f"{kind}: {name}"] = len(members)
    labels = sets.labels()
    group, sizes = ids.take(pa.array(labels)), np.bincount(labels)
    # Reasons are texts, and take what these have held.
    del sets, labels
    reason = _reasons(keys, is_used, len(ids))
    return Grouping(group, reason, sizes[sizes > 0], dict(ties), keys.too_common, refused)


def _reasons(keys: SharedKeys, is_used: NDArray[np.bool_], n: int) -> pa.Array:
    """Why each of ``n`` images is in its group: the keys that tie it, in their order."""
    key_reasons = [
        _REASONS[kind].format(name.rpartition("|")[2])
        for kind, name in zip(keys.kinds, keys.names, strict=True)
    ]
    key_of = np.repeat(np.arange(len(key_reasons), dtype=np.int32), np.diff(keys.starts))
    used = is_used[key_of]
    rows, key_of = keys.members[used], key_of[used]
    # Stable: the keys of an image stay in their order.
    order = np.argsort(rows, kind="stable")
    key_of, ends = key_of[order], np.cumsum(np.bincount(rows, minlength=n))
    chunks = []
    for start in range(0, n, _ROWS):
        begins = ends[start - 1] if start else 0
        part = []
        for end in ends[start : start + _ROWS]:
            part.append("; ".join(dict.fromkeys(key_reasons[key] for key in key_of[begins:end])))
            begins = end
        chunks.append(pa.array(part, pa.string()))
    return pa.chunked_array(chunks, pa.string()).combine_chunks()


def _parameters(settings: CurateSettings) -> dict[str, Any]:
    return {**settings.groups.model_dump(), "names": names_key()}
