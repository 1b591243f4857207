"""Which split each image goes to: whole groups; what has a split keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.groups.lineage import Lineage, read_lineage, stand_ins
from cosmic_morphology.curate.records import Records, counted
from cosmic_morphology.curate.split.assign import NONE, assign_groups
from cosmic_morphology.settings import SplitSettings

# Images without a label are a stratum of their own.
NO_LABEL = "no label"
HELD_OUT_LATE = "held out, but was in another split before"
ON_TWO_SPLITS = "its group turned out to be on two splits"
MADE_LATE = "rendered or derived, but was in val or test before"
SPARE = "another image of its origin is scored"
SCORED_TWICE = "in val or test before, where another image of its origin is scored"
TAKEN_OUT = frozenset({HELD_OUT_LATE, ON_TWO_SPLITS, MADE_LATE, SCORED_TWICE})
_COPY = "a copy of another image"
_COPY_HAS_ONE = "a copy of it has a split already"
_GROUP_HELD = "its group is held out for the test"
# The split of an image that has none, beside the places in SPLITS.
NOWHERE = -1
_TRAIN, _TEST = SPLITS.index("train"), SPLITS.index("test")


@dataclass(frozen=True, slots=True)
class SplitAssignment:
    """What :func:`assign_splits` decided about N images, by id.

    Attributes
    ----------
    split : ndarray of int8, shape ``(N,)``
        Place in :data:`~cosmic_morphology.atlas.SPLITS` of each image's split; -1: it has none.
    reason : ndarray of int8, shape ``(N,)``
        Number of the reason why an image has none.
    reasons : list of str
        These reasons; the first is empty, of images that have one.
    group : ndarray of int32, shape ``(N,)``
        What was kept together: number of the group, those that share lineage made one.
    counts : ndarray of bool, shape ``(N,)``
        Whether it counts for the ratios: it has a split, is not for training only, and stands
        for its origin.
    is_fixed : ndarray of bool, shape ``(N,)``
        Whether its group had its split before, or is held out.
    """

    split: NDArray[np.int8]
    reason: NDArray[np.int8]
    reasons: list[str]
    group: NDArray[np.int32]
    counts: NDArray[np.bool_]
    is_fixed: NDArray[np.bool_]

    def names(self) -> pa.Array:
        """The split of each image by its name, ``none`` where it has none."""
        # Index -1 is the last.
        return pa.array([*SPLITS, NONE]).take(pa.array(self.split % (len(SPLITS) + 1)))

    def exclusion_reasons(self) -> pa.Array:
        """Why each image has none; empty where it has one."""
        return pa.array(self.reasons, pa.string()).take(pa.array(self.reason))

    def left_out(self) -> dict[str, int]:
        """Number of images that have none by reason, the most frequent first."""
        found = counted(self.reason, self.reasons)
        return {why: images for why, images in found.items() if why}


@dataclass(slots=True)
class _Draft:
    """What is known of N images while it is decided."""

    before: NDArray[np.int8]
    reason: NDArray[np.int8]
    code: dict[str, int]
    is_held: NDArray[np.bool_]
    lineage: Lineage
    group: NDArray[np.int32]
    names: pa.Array = field(repr=False)

    def leave_out(self, images: NDArray[np.bool_], why: str) -> None:
        """Take the splits of images away."""
        self.before[images] = NOWHERE
        self.reason[images] = self.code[why]


def assign_splits(
    records: Records,
    *,
    settings: SplitSettings,
    seed: int,
    reject: str,
    redo: bool = False,
) -> SplitAssignment:
    """Decide the split of every image; the same whatever the order of the records.

    Images that were rendered here, or derived from another image of this atlas, are for training
    only. Variants of an original that is known by name only go to any split with their origin; a
    ratio counts each origin once, and val and test take one image of it.

    Parameters
    ----------
    records : Records
        The label, ``id``, ``source``, ``collection``, ``lineage``, ``group``, ``duplicate_flag``,
        ``duplicate_of``, and ``split`` and ``split_reason`` of before (null: none yet).
    settings : SplitSettings
        Ratios and what is held out.
    seed : int
        For the order in which groups are assigned.
    reject : str
        Name of the class of everything else.
    redo : bool
        Forget the splits of before.
    """
    reasons = [
        *("", HELD_OUT_LATE, ON_TWO_SPLITS, MADE_LATE, SCORED_TWICE, SPARE, NO_LABEL),
        *(f"labelled {reject}", _COPY, _COPY_HAS_ONE, _GROUP_HELD),
        *(_group_is_in(split) for split in SPLITS),
    ]
    draft = _draft(records, settings, {why: at for at, why in enumerate(reasons)}, redo=redo)
    _take_out(draft)
    label, labels = records.codes("label")
    of_label = labels.to_pylist()
    has_label = np.array([bool(name) for name in of_label])[label]
    is_reject = np.array([name == reject for name in of_label])[label]
    _leave_out(draft, records, settings, has_label, is_reject, f"labelled {reject}")
    touched = np.zeros(len(draft.names), bool)
    touched[draft.group[draft.is_held]] = True
    # Images that are not held out, in a group with one that is, would leak or not be test.
    tied = touched[draft.group] & ~draft.is_held & (draft.before != _TEST) & (draft.reason == 0)
    draft.leave_out(tied, _GROUP_HELD)
    stands = _standing(draft, records, has_label)
    fixed = np.full(len(draft.names), NOWHERE, np.int32)
    known = np.flatnonzero((draft.before >= 0) | draft.is_held)
    fixed[draft.group[known]] = np.where(draft.before[known] >= 0, draft.before[known], _TEST)
    stratum, _ = strata(label, of_label, NO_LABEL)
    split_of_group = _split_of_groups(draft, stratum, stands, fixed, settings, seed)
    split = _decided(draft, stands, split_of_group)
    return SplitAssignment(
        split,
        draft.reason,
        reasons,
        draft.group,
        counts=(split != NOWHERE) & stands,
        is_fixed=fixed[draft.group] != NOWHERE,
    )


def split_codes(records: Records) -> NDArray[np.int8]:
    """The split of each record, by its place in SPLITS; -1: it is of none."""
    codes, names = records.codes("split")
    place = [SPLITS.index(name) if name in SPLITS else NOWHERE for name in names.to_pylist()]
    return np.array(place, np.int8)[codes]


def strata(
    label: NDArray[np.int32], labels: list[str | None], unlabelled: str
) -> tuple[NDArray[np.int32], list[str]]:
    """The class of each image by the sorted names of classes, unlabelled ones under a name."""
    filled = [str(name or unlabelled) for name in labels]
    names = sorted(set(filled))
    number = {name: at for at, name in enumerate(names)}
    return np.array([number[name] for name in filled], np.int32)[label], names


def _group_is_in(split: str) -> str:
    return f"rendered or derived, its group is in {split}"


def _draft(
    records: Records, settings: SplitSettings, code: dict[str, int], *, redo: bool
) -> _Draft:
    n = len(records)
    before, reason, is_held = np.full(n, NOWHERE, np.int8), np.zeros(n, np.int8), np.zeros(n, bool)
    if not redo:
        before = split_codes(records)
        why, names = records.codes("split_reason")
        # Who was taken out of a split has been seen by models of that split: it never comes back.
        stays_out = [code[name] if name in TAKEN_OUT else 0 for name in names.to_pylist()]
        reason = np.array(stays_out, np.int8)[why]
    for column in ("source", "collection"):
        origin, names = records.codes(column)
        is_held |= np.array([name in settings.hold_out for name in names.to_pylist()])[origin]
    lineage = read_lineage(records)
    group, names = records.codes_of_ids("group")
    return _Draft(before, reason, code, is_held, lineage, _whole(group, names, lineage), names)


def _whole(group: NDArray[np.int32], names: pa.Array, lineage: Lineage) -> NDArray[np.int32]:
    """Groups that share lineage made one: new images may have none yet."""
    n = len(group)
    parent = np.where(
        lineage.parent < n,
        group[np.minimum(lineage.parent, n - 1)],
        lineage.parent - n + len(names),
    )
    ties = np.stack([group[lineage.child], parent], axis=1)
    ties = ties[ties[:, 0] != ties[:, 1]]
    if not len(ties):
        return group
    sets = UnionFind(len(names) + lineage.origins)
    for one, other in ties.tolist():
        sets.union(one, other)
    # Names are sorted, and groups stand before originals: of a set the first name is taken.
    return sets.labels()[group]


def _take_out(draft: _Draft) -> None:
    """Splits of before that cannot hold: of what is held out, rendered, or on two splits."""
    is_made = draft.lineage.is_made
    late = draft.is_held & (draft.before >= 0) & (draft.before != _TEST)
    made = ~late & is_made & (draft.before >= 0) & (draft.before != _TRAIN)
    draft.leave_out(late, HELD_OUT_LATE)
    draft.leave_out(made, MADE_LATE)
    had = np.flatnonzero(draft.before >= 0)
    there, group = np.unique(draft.group[had], return_inverse=True)
    splits = len(SPLITS)
    flat = np.bincount(group * splits + draft.before[had], minlength=len(there) * splits)
    counts = flat.reshape(-1, splits)
    # The larger part stays; where they tie, the stricter split.
    stays = splits - 1 - np.argmax(counts[:, ::-1], axis=1)
    out = np.zeros(len(draft.before), bool)
    out[had] = draft.before[had] != stays[group]
    draft.leave_out(out, ON_TWO_SPLITS)


def _leave_out(
    draft: _Draft,
    records: Records,
    settings: SplitSettings,
    has_label: NDArray[np.bool_],
    is_reject: NDArray[np.bool_],
    rejected: str,
) -> None:
    """Say why images without a split cannot get one: no label, reject class, a copy."""
    original, names = records.codes_of_ids("duplicate_of")
    represented = np.zeros(len(names), bool)
    represented[original[draft.before >= 0]] = True
    is_copy = records.column("duplicate_flag").fill_null(False).to_numpy(zero_copy_only=False)
    refused = [
        (NO_LABEL, ~has_label & (not settings.include_unlabelled)),
        (rejected, is_reject & (not settings.include_reject)),
        (_COPY, is_copy),
        (_COPY_HAS_ONE, represented[original]),
    ]
    is_open = (draft.before < 0) & (draft.reason == 0)
    for why, images in refused:
        draft.leave_out(is_open & images, why)
        is_open &= ~images


def _standing(draft: _Draft, records: Records, has_label: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Images that may be scored: of each origin one, first what has a split, then what is labelled.

    A variant's name is its original's name and something more, so the shortest is the original.
    """
    able = np.flatnonzero((draft.reason == 0) & ~draft.lineage.is_made)
    length = pc.utf8_length(records.ids).to_numpy()[able]
    # The last of the keys comes first; where all are equal images stay in the order of ids.
    order = np.lexsort((length, ~has_label[able], draft.before[able] < 0))
    return stand_ins(draft.lineage, able[order])


def _split_of_groups(
    draft: _Draft,
    stratum: NDArray[np.int32],
    stands: NDArray[np.bool_],
    fixed: NDArray[np.int32],
    settings: SplitSettings,
    seed: int,
) -> NDArray[np.int32]:
    some = np.flatnonzero(stands & ~draft.is_held)
    shares = [settings.train, settings.val, 0.0 if settings.hold_out else settings.test]
    found = assign_groups(
        draft.group[some], stratum[some], draft.names, shares=shares, seed=seed, fixed=fixed
    )
    of_group = np.where(fixed != NOWHERE, fixed, found)
    # A group of nothing but rendered or derived images serves training only.
    of_group[of_group == NOWHERE] = _TRAIN
    return of_group


def _decided(
    draft: _Draft, stands: NDArray[np.bool_], split_of_group: NDArray[np.int32]
) -> NDArray[np.int8]:
    """The split of each image; reasons are added to the draft."""
    of_group = split_of_group[draft.group].astype(np.int8)
    split = np.where(draft.before >= 0, draft.before, of_group)
    split[draft.reason != 0] = NOWHERE
    scored = (split != NOWHERE) & (split != _TRAIN)
    for at, name in enumerate(SPLITS):
        draft.reason[scored & draft.lineage.is_made & (split == at)] = draft.code[
            _group_is_in(name)
        ]
    spare = scored & ~draft.lineage.is_made & ~stands
    draft.reason[spare] = np.where(
        draft.before[spare] >= 0, draft.code[SCORED_TWICE], draft.code[SPARE]
    )
    split[draft.reason != 0] = NOWHERE
    return split
