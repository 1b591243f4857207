"""Splitting again when the proof found copies on two splits that the search had missed.

Only what the proof found is tied, and only images that had no split before are assigned again: an
image that models were trained or tested with keeps its split, as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.duplicates.columns import tie_more
from cosmic_morphology.curate.groups.group import group_images
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.split.leakage import (
    CopiesAcross,
    LeakageResult,
    check_leakage,
    copies_across,
    leak_error,
)
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings

# Each round ties what the one before it could not see, as copies of copies.
_ROUNDS = 4
_COLUMNS = ("split", "split_reason")


@dataclass(frozen=True, slots=True)
class MendedSplit:
    """What :func:`certify_and_mend` made of a split.

    Attributes
    ----------
    certificate : LeakageResult
        Of the last split.
    tied : int
        Images that were found to be copies on the way.
    known : CopiesAcross
        What was compared, for the next certificate of the same split.
    """

    certificate: LeakageResult
    tied: int
    known: CopiesAcross


def splits_before(atlas: Atlas) -> pa.Table:
    """The splits that images have now, to be given to :func:`certify_and_mend` after a split."""
    return atlas.read(["id", *_COLUMNS])


def certify_and_mend(
    atlas: Atlas,
    *,
    settings: CurateSettings,
    before: pa.Table,
    split_again: Callable[[], object],
    raise_on_leak: bool = True,
    progress: Progress | None = None,
    known: CopiesAcross | None = None,
) -> MendedSplit:
    """Certify a split; where copies leak, tie them, split again and certify that.

    Parameters
    ----------
    atlas : Atlas
        Read; ``duplicate_*``, ``group`` and ``split`` are written when there is a leak.
    settings : CurateSettings
        As :func:`check_leakage` has them.
    before : pyarrow.Table
        What :func:`splits_before` gave before the split; without rows nothing had a split.
    split_again : callable
        Splits the images, keeping the splits that they have.
    raise_on_leak : bool
        Whether leaks that are left are an error.
    progress : callable, optional
        Called with images compared and images to compare.
    known : CopiesAcross, optional
        What was found before: for the same images and split nothing is compared again.

    Raises
    ------
    LeakError
        Something else than copies leaks, or the copies cannot be kept apart.
    """
    tied = 0
    for left in range(_ROUNDS, -1, -1):
        found = copies_across(atlas, settings=settings, progress=progress, known=known)
        certificate = check_leakage(atlas, settings=settings, raise_on_leak=False, known=found)
        if not left or not certificate.leaks_by_kind["copy"]:
            break
        tied += tie_more(atlas, found.seen, found.copies)
        group_images(atlas, settings=settings)
        _restore(atlas, before)
        split_again()
    if certificate.leaks and raise_on_leak:
        raise leak_error(certificate, atlas.uri)
    return MendedSplit(certificate, tied, found)


def _restore(atlas: Atlas, before: pa.Table) -> None:
    """Give the images the splits of before the split, so that new ones are assigned again."""
    ids = Records(atlas).ids
    at = pc.index_in(ids, value_set=before.column("id").combine_chunks())
    was = {name: before.column(name).take(at).cast("string") for name in _COLUMNS}
    atlas.replace_columns(
        pa.table({"id": ids, **was}),
        ColumnProvenance("split", {"restored": True}, "1"),
    )
