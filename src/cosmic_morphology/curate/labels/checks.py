"""What all checks share: three columns, one threshold, and filled again only where it is due."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate.votes.cast import taxonomy_key
from cosmic_morphology.curate.votes.weighted_votes import WeightedVotes, read_weighted_votes
from cosmic_morphology.display import Shown
from cosmic_morphology.taxonomy import Taxonomy

Rows = Callable[[WeightedVotes, Taxonomy, float], pa.Table]
"""Weighted votes, taxonomy and threshold in, a table with ``id`` and the check's columns out."""


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult(Shown):
    """What a check did.

    Attributes
    ----------
    looked, flagged : int
        Images that it could check, and those it flagged.
    changed : bool
        False when everything was up to date already.
    """

    looked: int
    flagged: int
    changed: bool


def fill_check(
    atlas: Atlas, name: str, rows: Rows, *, code: str, taxonomy: Taxonomy, least: float
) -> CheckResult:
    """Fill ``<name>_score``, ``<name>_flag`` and what else ``rows`` gives, where they are stale.

    Parameters
    ----------
    atlas : Atlas
        Read (``votes``) and written.
    name : str
        Of the stage, and of the check's columns.
    rows : callable
        See :data:`Rows`; pure.
    code : str
        Version of ``rows``: another one makes the columns stale.
    taxonomy : Taxonomy
        The classes.
    least : float
        The threshold, in [0, 1].
    """
    weighted = read_weighted_votes(atlas, taxonomy=taxonomy)
    asked = {"taxonomy": taxonomy_key(taxonomy), "least": least}
    stamp = ColumnProvenance(name, asked, code, inputs=weighted.inputs())
    changed = not stamp.is_current(atlas.provenance_of(f"{name}_score"))
    if changed:
        atlas.replace_columns(rows(weighted, taxonomy, least), stamp)
    looked = atlas.count("catalogue", f"{name}_score IS NOT NULL")
    return CheckResult(looked, atlas.count("catalogue", f"{name}_flag = true"), changed)
