"""What all checks share: three columns, one threshold, and filled again only where it is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Fingerprint
from cosmic_morphology.curate.records import Records
from cosmic_morphology.curate.votes.cast import taxonomy_key
from cosmic_morphology.curate.votes.weighted_votes import read_weighted_votes
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import Engine
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "checks"

Judged = Iterable[tuple[NDArray[np.int32], pa.Table]]
"""Numbers of some images, and what was said of each."""


@dataclass(frozen=True, slots=True)
class Check:
    """How a check looks at images.

    Attributes
    ----------
    name : str
        Of the stage, and of the check's columns.
    code : str
        Version of its functions: another one makes the columns stale.
    judge : callable
        The taxonomy, the threshold, ids and weighted votes in, a row for each image out; pure.
    gives : callable
        The columns that ``judge`` gives, for a number of classes.
    take_in : callable
        Gets the images and all that was judged; returns what makes the check's columns, with
        ``id``, where they are due.
    """

    name: str
    code: str
    judge: Callable[..., pa.Table]
    gives: Callable[[int], Sequence[pa.Field]]
    take_in: Callable[[Records, Judged, Taxonomy, float], Callable[[], pa.Table]]


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
    atlas: Atlas, check: Check, *, taxonomy: Taxonomy, least: float, engine: Engine | None
) -> CheckResult:
    """Fill ``<name>_score``, ``<name>_flag`` and what else a check gives, where they are stale.

    Parameters
    ----------
    atlas : Atlas
        Read (``votes``) and written.
    check : Check
        What is looked at, and how.
    taxonomy : Taxonomy
        The classes.
    least : float
        The threshold, in [0, 1].
    engine : Engine, optional
        Where votes are gone through; without it on this machine.
    """
    name, read = check.name, Fingerprint()
    weighted = read_weighted_votes(atlas, taxonomy=taxonomy)
    judged = weighted.judged(
        STAGE,
        partial(check.judge, taxonomy, least),
        check.gives(weighted.n_classes),
        engine=engine,
        into=read,
    )
    made = check.take_in(weighted.records, judged, taxonomy, least)
    asked = {"taxonomy": taxonomy_key(taxonomy), "least": least}
    stamp = ColumnProvenance(name, asked, check.code, inputs=str(read))
    changed = not stamp.is_current(atlas.provenance_of(f"{name}_score"))
    if changed:
        atlas.replace_columns(made(), stamp)
    looked = atlas.count("catalogue", f"{name}_score IS NOT NULL")
    return CheckResult(looked, atlas.count("catalogue", f"{name}_flag = true"), changed)
