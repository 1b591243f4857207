"""The certificate: proof, from the images alone, that the splits share nothing."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosmic_morphology.atlas import Atlas, content_hash
from cosmic_morphology.curate.duplicates.candidates import same_bytes
from cosmic_morphology.curate.duplicates.columns import Copies, without_apart
from cosmic_morphology.curate.duplicates.find import compared_column, find_copies
from cosmic_morphology.curate.duplicates.keypoints import COLUMN as KEYPOINTS
from cosmic_morphology.curate.duplicates.seen import SeenImages, read_seen
from cosmic_morphology.curate.exhaustive.compare import Exhaustive, compare_all
from cosmic_morphology.curate.exhaustive.words import (
    BY_KEYS,
    NO_IMAGE,
    NOT_BY_KEYS,
    UNREADABLE,
    not_looked_for,
    searched,
)
from cosmic_morphology.curate.groups.keys import COLUMNS, shared_keys
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.review.pairs import pairs_said
from cosmic_morphology.curate.split.divide import split_codes
from cosmic_morphology.curate.split.leaks import (
    FORBIDDEN_KEYS,
    Leak,
    SplitOf,
    counts_of_splits,
    parted_copies,
    parted_groups,
    parted_keys,
)
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import LeakError, UsageError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings

_SHOWN = 20


@dataclass(frozen=True, slots=True, repr=False)
class LeakageResult(Shown):
    """What :func:`check_leakage` found; :meth:`to_json` is what a report shows.

    Attributes
    ----------
    leaks : int
        Things that two splits share; 0 or the run fails.
    leaks_by_kind : dict of str to int
        The same, by kind of evidence (all kinds that were looked for).
    found : tuple of Leak
        The first few.
    images : dict of str to int
        Images in train, val, test.
    groups : dict of str to int
        Groups in train, val, test.
    classes : dict of str to dict of str to int
        Images of each class in train, val, test.
    ratios : dict of str to dict of str to float
        Share of each class in train, val, test.
    compared : int
        Pairs of images that were looked at; those of one split need not be.
    allowed_across_splits : dict of str to int
        Names that stand for too many images to be kept apart, such as a planet's.
    grouped_by : str
        What the groups keep together.
    searched : tuple of str
        What was compared, in words.
    not_looked_for : tuple of str
        Copies that nothing looked for, in words: they may cross.
    left_out : dict of str to int
        Records that could not be compared, by reason.
    atlas_version : str
        Version that was certified.
    settings : dict
        Settings of the check.
    """

    leaks: int
    leaks_by_kind: dict[str, int]
    found: tuple[Leak, ...] = ()
    images: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    classes: dict[str, dict[str, int]] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)
    compared: int = 0
    allowed_across_splits: dict[str, int] = field(default_factory=dict)
    grouped_by: str = "duplicates, object, series and lineage"
    searched: tuple[str, ...] = ()
    not_looked_for: tuple[str, ...] = ()
    left_out: dict[str, int] = field(default_factory=dict)
    atlas_version: str = ""
    settings: dict[str, Any] = field(default_factory=dict)


def check_leakage(
    atlas: Atlas,
    *,
    settings: CurateSettings,
    raise_on_leak: bool = True,
    progress: Progress | None = None,
    known: CopiesAcross | None = None,
    by_keys: bool = False,
) -> LeakageResult:
    """Prove that no two splits share an image, an object, a series or lineage.

    Copies are looked for again, whatever the columns ``duplicate_of`` and ``group`` say, and twice:
    with the search that ``curate`` has, and by comparing every pair that could leak, which shares
    nothing with it. Images without a split are compared, too: two splits may not share copies of
    one of them. Records whose image is missing are left out and counted.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    settings : CurateSettings
        ``duplicate_*`` and ``group_*``.
    raise_on_leak : bool
        Without it the leaks are only counted.
    progress : callable, optional
        Called with images compared and images to compare.
    known : CopiesAcross, optional
        What :func:`copies_across` gave for this very split, so that it is not looked for twice.
    by_keys : bool
        Look at no pixels: copies are images of equal bytes, and what the columns say. For more
        images than can be compared.

    Raises
    ------
    LeakError
        Two splits share something.
    UsageError
        There is no split yet, or no such column.

    Examples
    --------
    >>> check_leakage(atlas, settings=cosmic.load_settings().curate).leaks
    0
    """
    if "split" not in atlas.columns():
        raise UsageError("there is no split yet", where=atlas.uri, todo="Run `cosmic split`.")
    records = Records(atlas)
    of = SplitOf(records.ids, split_codes(records))
    column = compared_column(atlas, settings.duplicates.embedding)
    if by_keys:
        seen, copies = equal_bytes(atlas, records)
        thorough = Exhaustive()
    else:
        across = known or copies_across(atlas, settings=settings, progress=progress)
        seen, copies, thorough = across.seen, across.copies, across.thorough
    numbers = records.numbers_of(seen.ids)
    found = list(parted_copies(of, numbers[copies.pairs], copies.score))
    keys = shared_keys(lambda: records.batches(["id", *COLUMNS]), len(records), settings)
    group, groups = records.codes_of_ids("group")
    found += [*parted_keys(of, keys), *parted_groups(of, group, groups)]
    counted = Counter(leak.kind for leak in found)
    left_out = {NO_IMAGE: len(records) - len(seen.ids), UNREADABLE: thorough.unreadable}
    certificate = LeakageResult(
        leaks=len(found),
        leaks_by_kind={kind: counted[kind] for kind in ("copy", *FORBIDDEN_KEYS, "group")},
        found=tuple(found[:_SHOWN]),
        compared=copies.candidates,
        allowed_across_splits=keys.too_common,
        searched=BY_KEYS if by_keys else searched(thorough, settings, column),
        not_looked_for=NOT_BY_KEYS if by_keys else not_looked_for(thorough, settings, column),
        left_out={why: number for why, number in left_out.items() if number},
        atlas_version=str(atlas.version),
        settings=certified_settings(settings),
        **counts_of_splits(of, *records.codes("label"), group),
    )
    if found and raise_on_leak:
        raise leak_error(certificate, atlas.uri)
    return certificate


def certified_settings(settings: CurateSettings) -> dict[str, Any]:
    """The settings that a certificate depends on."""
    return settings.model_dump(include={"duplicates", "groups"})


def leak_error(certificate: LeakageResult, where: str) -> LeakError:
    """What is said of a certificate with leaks."""
    first = certificate.found[0]
    return LeakError(
        f"{certificate.leaks} things stand on two splits, such as "
        f"{first.images[0]} ({first.splits[0]}) and {first.images[1]} ({first.splits[1]}): "
        f"{first.kind}, {first.what}",
        where=where,
        todo="Run `cosmic curate` and then `cosmic split --redo`.",
    )


@dataclass(frozen=True, slots=True)
class CopiesAcross:
    """Copies that could leak: found by the search, and by the exhaustive comparison.

    Attributes
    ----------
    seen : SeenImages
        The images that were compared.
    copies : Copies
        Pairs of their rows.
    thorough : Exhaustive
        The part that the exhaustive comparison has in it.
    of : str
        Hash of all that was read: thumbnails, hashes, keypoints and embeddings by their files, the
        split of each image, and the settings.
    """

    seen: SeenImages
    copies: Copies
    thorough: Exhaustive
    of: str


def copies_across(
    atlas: Atlas,
    *,
    settings: CurateSettings,
    progress: Progress | None = None,
    known: CopiesAcross | None = None,
) -> CopiesAcross:
    """Look for copies that could leak.

    Parameters
    ----------
    atlas, settings, progress
        As :func:`check_leakage` has them.
    known : CopiesAcross, optional
        What was found before; it is given back where nothing that it was made of has changed.
    """
    records = Records(atlas)
    seen = read_seen(atlas, records)
    splits = split_codes(records)[records.numbers_of(seen.ids)].astype(np.int64)
    of = _all_that_is_read(atlas, seen, splits, settings)
    if known is not None and known.of == of:
        return known
    copies = find_copies(atlas, seen, settings=settings, side=splits)
    thorough = compare_all(atlas, seen.ids, splits, progress=progress)
    both = Copies(
        np.concatenate([copies.pairs, thorough.pairs]),
        np.concatenate([copies.score, thorough.correlation]),
        copies.candidates + thorough.compared,
    )
    return CopiesAcross(seen, without_apart(atlas, seen, both), thorough, of)


def _all_that_is_read(
    atlas: Atlas, seen: SeenImages, splits: np.ndarray, settings: CurateSettings
) -> str:
    column = compared_column(atlas, settings.duplicates.embedding)
    read = ["thumbnail", "phash", KEYPOINTS, *([column] if column else [])]
    return content_hash(
        atlas.uri,
        atlas.column_versions(read),
        seen.fingerprint,
        hashlib.sha256(splits.tobytes()).hexdigest(),
        certified_settings(settings),
        pairs_said(atlas).key,
    )


def equal_bytes(atlas: Atlas, records: Records) -> tuple[SeenImages, Copies]:
    """The images, and pairs of those that have the same bytes."""
    seen = read_seen(atlas, records)
    pairs = same_bytes(seen.content)
    return seen, Copies(pairs, np.ones(len(pairs), np.float32), len(pairs))
