"""Folds of the images that are not for the test: whole groups; who has a fold keeps it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence

import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance, content_hash
from cosmic_morphology.curate.split.assign import assign_groups
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings

STAGE = "folds"
CODE = "1"
LEFT_OUT = -1


def write_folds(
    atlas: Atlas,
    rows: pa.Table,
    takes_part: Sequence[bool],
    *,
    settings: SplitSettings,
    seed: int,
    redo: bool,
) -> tuple[dict[int, int], bool]:
    """Write ``fold``; how many images are in each fold, and whether anything has changed.

    Parameters
    ----------
    atlas : Atlas
        Written. Its folds of before hold where as many were asked for.
    rows : pyarrow.Table
        ``id``, ``label`` and ``group`` of all images, by id.
    takes_part : sequence of bool
        Whether an image may be judged by models: of train or val, and not rendered.
    settings : SplitSettings
        ``folds``; 0: the column is left out, or emptied where it is there.
    seed : int
        Of the order of groups that are alike.
    redo : bool
        Forget the folds of before.

    Raises
    ------
    UsageError
        There are fewer groups than folds, or one fold is asked for.
    """
    known = atlas.provenance_of("fold")
    if not settings.folds and not known:
        return {}, False
    folds: list[int | None] = [None] * rows.num_rows
    if settings.folds:
        told = json.loads(known.get(b"parameters", b"{}"))
        if told.get("folds") == settings.folds and not redo:
            folds = atlas.read(["id", "fold"]).sort_by("id").column("fold").to_pylist()
        listed = rows.select(["id", "label", "group"]).to_pylist()
        folds = assign_folds(
            [row["group"] or row["id"] for row in listed],
            [row["label"] or "" for row in listed],
            takes_part=takes_part,
            before=folds,
            k=settings.folds,
            seed=seed,
        )
    ids = rows.column("id").to_pylist()
    parameters = {"folds": settings.folds, "seed": seed}
    stamp = ColumnProvenance(STAGE, parameters, CODE, inputs=content_hash(ids, folds))
    changed = not stamp.is_current(known)
    if changed:
        table = pa.table({"id": pa.array(ids), "fold": pa.array(folds, pa.int32())})
        atlas.replace_columns(table, stamp)
    counted = Counter(fold for fold in folds if fold is not None)
    return dict(sorted(counted.items())), changed


def assign_folds(
    groups: Sequence[str],
    labels: Sequence[str],
    *,
    takes_part: Sequence[bool],
    before: Sequence[int | None],
    k: int,
    seed: int,
) -> list[int | None]:
    """Number of the fold of each image, 0 to ``k`` - 1; None where it takes no part.

    Classes are as even over the folds as the groups allow. An image that has a fold keeps it;
    where a group turns out to be in two folds, the smaller part of it is left out (-1) for good.

    Parameters
    ----------
    groups, labels : sequence of N str
        Group and class of each image.
    takes_part : sequence of N bool
        Whether it is to have a fold.
    before : sequence of N int, optional
        Its fold of before.
    k : int
        Number of folds, at least 2.
    seed : int
        Of the order of groups that are alike.

    Raises
    ------
    UsageError
        There are fewer groups than folds, or one fold is asked for.
    """
    at = [row for row, takes in enumerate(takes_part) if takes]
    n_groups = len({groups[row] for row in at})
    if not 2 <= k <= n_groups:
        raise UsageError(
            f"{k} folds cannot be dealt of {n_groups} groups beside the test",
            where="split.folds",
            todo="Ask for 2 or more folds, but for no more than there are groups; or for none (0).",
        )
    fixed = _folds_of_groups([groups[row] for row in at], [before[row] for row in at])
    found = assign_groups(
        [groups[row] for row in at],
        [labels[row] for row in at],
        ratios={str(fold): 1.0 for fold in range(k)},
        seed=seed,
        fixed={group: str(fold) for group, fold in fixed.items()},
    )
    out: list[int | None] = [None] * len(groups)
    for row in at:
        fold = int(found[groups[row]])
        # What was in another fold has been seen by models that this one would be judged with.
        out[row] = fold if before[row] in (None, fold) else LEFT_OUT
    return out


def _folds_of_groups(groups: Sequence[str], before: Sequence[int | None]) -> dict[str, int]:
    counts: dict[str, Counter[int]] = {}
    for group, fold in zip(groups, before, strict=True):
        if fold not in (None, LEFT_OUT):
            counts.setdefault(group, Counter())[fold] += 1
    return {
        group: max(folds, key=lambda fold: (folds[fold], -fold)) for group, folds in counts.items()
    }
