"""After new verdicts: how many of them the labels do not know yet, and computing those again."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import WITHDRAW, Atlas, all_decisions, latest_decisions
from cosmic_morphology.curate.columns import read_batches
from cosmic_morphology.curate.duplicates.columns import decide_copies, knows_pairs_said
from cosmic_morphology.curate.labels.final_labels import CHECKED
from cosmic_morphology.curate.review.verdicts import label_from_verdict
from cosmic_morphology.curate.stages import CHECKS, GROUPS, LABELS, Curation
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import Taxonomy


def weigh_again(
    atlas: Atlas, *, taxonomy: Taxonomy | None = None, settings: Settings | None = None
) -> int:
    """Compute again what verdicts decide over, where they say something that is not in it yet.

    Labels and checks are computed as ``cosmic curate`` does it, and before them copies and groups,
    where people have judged pairs; an atlas that was never curated stays as it is.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    taxonomy : Taxonomy, optional
        Classes and text rules; without it that of the settings.
    settings : Settings, optional
        As :func:`~cosmic_morphology.curate.stages.curate_images` has them.

    Returns
    -------
    int
        Images whose verdicts were not in the labels, and one more for verdicts on pairs that the
        columns of copies did not know; with none nothing is read further.

    Examples
    --------
    >>> weigh_again(atlas)
    0
    """
    context = Curation.of(atlas, taxonomy=taxonomy, settings=settings)
    new, parted = unweighed(atlas, context.taxonomy), not knows_pairs_said(atlas)
    if parted:
        # What the search found stands in the atlas: nothing is compared again.
        decide_copies(atlas)
        GROUPS.run(context)
    if new or parted:
        for stage in (LABELS, CHECKS):
            stage.run(context)
    return new + parted


def unweighed(atlas: Atlas, taxonomy: Taxonomy) -> int:
    """Images of which people say something else than the labels do, as far as there are labels.

    Examples
    --------
    >>> unweighed(atlas, taxonomy)
    0
    """
    if "label_kind" not in atlas.table("catalogue").schema.names:
        return 0
    said = latest_decisions(atlas)
    taken_back = {each.id for each in all_decisions(atlas) if each.verdict == WITHDRAW}
    asked = pa.array(sorted(said.keys() | taken_back), pa.string())
    if not len(asked):
        return 0

    def differs(row: dict[str, Any]) -> bool:
        wanted = label_from_verdict(said.get(row["id"]), row["label"], taxonomy)
        checked = row["label"] if row["label_kind"] == CHECKED else None
        return bool(checked != wanted)

    return sum(
        differs(row)
        for rows in read_batches(atlas, ["id", "label", "label_kind"])
        for row in rows.filter(pc.is_in(rows.column("id"), value_set=asked)).to_pylist()
    )
