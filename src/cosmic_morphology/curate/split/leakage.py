"""The certificate: proof, from the images alone, that the splits share nothing."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from cosmic_morphology.atlas import SPLITS, Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.duplicates.columns import Copies
from cosmic_morphology.curate.duplicates.find import compared_column, find_copies
from cosmic_morphology.curate.exhaustive.compare import Exhaustive, compare_all
from cosmic_morphology.curate.exhaustive.words import NO_IMAGE, UNREADABLE, not_looked_for, searched
from cosmic_morphology.curate.groups.group import COLUMNS, grouping_keys
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import LeakError, UsageError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings

_SHOWN = 20
# Ties that two splits may not share; series, albums and days are kept in groups where they fit.
FORBIDDEN_KEYS = ("lineage", "press", "object")


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that two splits share.

    Attributes
    ----------
    kind : str
        ``copy`` (the same image), ``lineage``, ``press``, ``object``, or ``group``.
    what : str
        The name that is shared, or how like the images are.
    images : tuple of str
        One id of each split.
    splits : tuple of str
        Their splits.
    """

    kind: str
    what: str
    images: tuple[str, str]
    splits: tuple[str, str]


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
    may_cross : dict of str to int
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

    def to_json(self) -> str:
        """The certificate as JSON."""
        return json.dumps(dataclasses.asdict(self), indent=2, ensure_ascii=False, default=str)


def check_leakage(
    atlas: Atlas,
    *,
    settings: CurateSettings,
    label_column: str = "label",
    embedding_column: str | None = None,
    raise_on_leak: bool = True,
    progress: Progress | None = None,
    known: tuple[list[str], Copies, Exhaustive] | None = None,
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
    label_column : str
        The classes that are counted.
    embedding_column : str, optional
        A column of embeddings whose neighbours are compared, too; without it that of the settings.
    raise_on_leak : bool
        Without it the leaks are only counted.
    progress : callable, optional
        Called with images compared and images to compare.
    known : tuple, optional
        What :func:`copies_across` gave for this very split, so that it is not looked for twice.

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
    everything = atlas.read(["id", "split", "group", label_column, *COLUMNS])
    everything = everything.sort_by("id").to_pylist()
    rows = [row for row in everything if row["split"] in SPLITS]
    split = {row["id"]: row["split"] for row in rows}
    column = compared_column(atlas, embedding_column or settings.duplicates.embedding)
    ids, copies, thorough = known or copies_across(
        atlas, split, settings=settings, embedding_column=embedding_column, progress=progress
    )
    shared, broad = _shared_keys(everything, settings)
    found = list(_parted_copies(ids, split, copies))
    found += [*shared, *_parted_groups(rows)]
    counted = Counter(leak.kind for leak in found)
    left_out = {NO_IMAGE: len(everything) - len(ids), UNREADABLE: thorough.unreadable}
    certificate = LeakageResult(
        leaks=len(found),
        leaks_by_kind={kind: counted[kind] for kind in ("copy", *FORBIDDEN_KEYS, "group")},
        found=tuple(found[:_SHOWN]),
        compared=copies.candidates,
        allowed_across_splits=broad,
        searched=searched(thorough, settings, column),
        not_looked_for=not_looked_for(thorough, settings, column),
        left_out={why: number for why, number in left_out.items() if number},
        atlas_version=str(atlas.version),
        settings={
            name: value
            for name, value in settings.model_dump().items()
            if name.startswith(("duplicate_", "group_"))
        },
        **_counts(rows, label_column),
    )
    if found and raise_on_leak:
        raise leak_error(certificate, atlas.uri)
    return certificate


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


def copies_across(
    atlas: Atlas,
    split: Mapping[str, str],
    *,
    settings: CurateSettings,
    embedding_column: str | None = None,
    progress: Progress | None = None,
) -> tuple[list[str], Copies, Exhaustive]:
    """Copies that could leak: found by the search, and by the exhaustive comparison.

    Parameters
    ----------
    atlas, settings, embedding_column, progress
        As :func:`check_leakage` has them.
    split : mapping of str to str
        Split of each id that has one.

    Returns
    -------
    ids : list of str
        The images that were compared.
    copies : Copies
        Pairs of their rows.
    thorough : Exhaustive
        The part that the exhaustive comparison has in it.
    """
    ids = atlas.ids()
    seen = atlas.images(ids, ["id", "sha256", "phash", "width", "height"])
    splits = np.array(
        [SPLITS.index(split[each]) if each in split else -1 for each in ids], np.int64
    )
    copies = find_copies(
        atlas, ids, seen, settings=settings, embedding_column=embedding_column, side=splits
    )
    thorough = compare_all(atlas, ids, splits, progress=progress)
    both = Copies(
        np.concatenate([copies.pairs, thorough.pairs]),
        np.concatenate([copies.score, thorough.likeness]),
        copies.candidates + thorough.compared,
    )
    return ids, both, thorough


def _parted_copies(ids: list[str], split: dict[str, str], copies: Copies) -> Iterator[Leak]:
    tied = UnionFind(len(ids))
    score: dict[tuple[int, int], float] = {}
    for (one, other), likeness in zip(copies.pairs.tolist(), copies.score.tolist(), strict=True):
        tied.union(one, other)
        score[min(one, other), max(one, other)] = likeness
    first: dict[int, int] = {}
    for row, name in enumerate(ids):
        if name not in split:
            continue
        before = first.setdefault(tied.find(row), row)
        pair = ids[before], name
        if split[pair[0]] != split[name]:
            alike = score.get((before, row))
            what = "by way of other copies" if alike is None else f"likeness {alike:.2f}"
            yield Leak("copy", what, pair, (split[pair[0]], split[name]))


def _shared_keys(
    rows: list[dict[str, Any]], settings: CurateSettings
) -> tuple[list[Leak], dict[str, int]]:
    members, broad = grouping_keys(rows, settings)
    leaks = []
    for (kind, key), at in sorted(members.items()):
        having = [rows[each] for each in at if rows[each]["split"] in SPLITS]
        other = [row for row in having if row["split"] != having[0]["split"]]
        if kind in FORBIDDEN_KEYS and other:
            one, two = having[0], other[0]
            leaks.append(Leak(kind, key, (one["id"], two["id"]), (one["split"], two["split"])))
    return leaks, broad


def _parted_groups(rows: list[dict[str, Any]]) -> Iterator[Leak]:
    first: dict[str, dict[str, Any]] = {}
    for row in rows:
        before = first.setdefault(row["group"] or row["id"], row)
        if before["split"] != row["split"]:
            yield Leak(
                "group",
                str(row["group"]),
                (before["id"], row["id"]),
                (before["split"], row["split"]),
            )


def _counts(rows: list[dict[str, Any]], label_column: str) -> dict[str, Any]:
    classes: dict[str, dict[str, int]] = {}
    groups: dict[str, set[str]] = {name: set() for name in SPLITS}
    for row in rows:
        per = classes.setdefault(row[label_column] or "(none)", dict.fromkeys(SPLITS, 0))
        per[row["split"]] += 1
        groups[row["split"]].add(row["group"] or row["id"])
    return {
        "images": {name: sum(per[name] for per in classes.values()) for name in SPLITS},
        "groups": {name: len(members) for name, members in groups.items()},
        "classes": dict(sorted(classes.items())),
        "ratios": {
            name: {s: round(per[s] / sum(per.values()), 4) for s in SPLITS}
            for name, per in sorted(classes.items())
        },
    }
