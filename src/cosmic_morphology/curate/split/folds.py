"""Folds of the images that are not for the test: whole groups; who has a fold keeps it."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.records import Records, content_of
from cosmic_morphology.curate.split.assign import assign_groups
from cosmic_morphology.curate.split.divide import strata
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings

STAGE = "folds"
CODE = "1"
LEFT_OUT = -1
# The fold of an image that takes no part, or has none yet.
NO_FOLD = -2


def write_folds(
    atlas: Atlas,
    records: Records,
    takes_part: NDArray[np.bool_],
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
    records : Records
        The N images, with their labels and groups.
    takes_part : ndarray of bool, shape ``(N,)``
        Whether an image may be predicted by models: of train or val, and not rendered.
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
    folds = np.full(len(records), NO_FOLD, np.int32)
    if settings.folds:
        stamped = json.loads(known.get(b"parameters", b"{}"))
        if stamped.get("folds") == settings.folds and not redo:
            folds = records.column("fold").fill_null(NO_FOLD).to_numpy()
        label, labels = records.codes("label")
        stratum, _ = strata(label, labels.to_pylist(), "")
        group, names = records.codes_of_ids("group")
        folds = assign_folds(
            group,
            stratum,
            names,
            takes_part=takes_part,
            before=folds,
            k=settings.folds,
            seed=seed,
        )
    parameters = {"folds": settings.folds, "seed": seed}
    stamp = ColumnProvenance(STAGE, parameters, CODE, inputs=content_of(records.ids, folds))
    changed = not stamp.is_current(known)
    if changed:
        column = pa.array(folds, pa.int32(), mask=folds == NO_FOLD)
        atlas.replace_columns(pa.table({"id": records.ids, "fold": column}), stamp)
    numbers, images = np.unique(folds[folds != NO_FOLD], return_counts=True)
    return dict(zip(numbers.tolist(), images.tolist(), strict=True)), changed


def assign_folds(
    group: NDArray[np.int32],
    stratum: NDArray[np.int32],
    names: pa.Array,
    *,
    takes_part: NDArray[np.bool_],
    before: NDArray[np.int32],
    k: int,
    seed: int,
) -> NDArray[np.int32]:
    """Number of the fold of each image, 0 to ``k`` - 1; -2 where it takes no part.

    Classes are as even over the folds as the groups allow. An image that has a fold keeps it;
    where a group turns out to be in two folds, the smaller part of it is left out (-1) for good.

    Parameters
    ----------
    group, stratum : ndarray of int32, shape ``(N,)``
        Numbers of the group and of the class of each image.
    names : pyarrow.Array
        Names of the groups.
    takes_part : ndarray of bool, shape ``(N,)``
        Whether it is to have a fold.
    before : ndarray of int32, shape ``(N,)``
        Its fold of before; -2: none.
    k : int
        Number of folds, at least 2.
    seed : int
        Of the order of groups that are alike.

    Raises
    ------
    UsageError
        There are fewer groups than folds, or one fold is asked for.
    """
    some = np.flatnonzero(takes_part)
    n_groups = len(np.unique(group[some]))
    if not 2 <= k <= n_groups:
        raise UsageError(
            f"{k} folds cannot be made of {n_groups} groups outside the test split",
            where="split.folds",
            todo="Ask for 2 or more folds, but for no more than there are groups; or for none (0).",
        )
    fixed = _folds_of_groups(group[some], before[some], len(names))
    fixed[fixed >= k] = -1
    found = assign_groups(
        group[some], stratum[some], names, shares=[1.0] * k, seed=seed, fixed=fixed
    )[group[some]]
    out = np.full(len(group), NO_FOLD, np.int32)
    # What was in another fold has been seen by models that this one would be checked with.
    stays = (before[some] == NO_FOLD) | (before[some] == found)
    out[some] = np.where(stays, found, LEFT_OUT)
    return out


def _folds_of_groups(
    group: NDArray[np.int32], before: NDArray[np.int32], n: int
) -> NDArray[np.int32]:
    """The fold that most images of each group have, of equal ones the first; -1: none has any."""
    had = before >= 0
    pairs, images = np.unique(np.stack([group[had], before[had]]), axis=1, return_counts=True)
    found = np.full(n, -1, np.int32)
    # The last that is assigned stays: most images, then the first fold.
    order = np.lexsort((-pairs[1], images))
    found[pairs[0][order]] = pairs[1][order]
    return found
