"""What all checks share: three columns, one threshold, and filled again only where it is due."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Fingerprint
from cosmic_morphology.curate.labels.doubt import LearnedDoubt
from cosmic_morphology.curate.labels.learning import Learning
from cosmic_morphology.curate.votes.cast import taxonomy_key
from cosmic_morphology.curate.votes.weighted_votes import read_weighted_votes
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import Engine
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "checks"

Judged = Iterable[tuple[NDArray[np.int32], pa.Table]]
"""Numbers of some images, and what was said of each."""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a check makes of all that was judged.

    Attributes
    ----------
    rows : callable
        Makes the columns of the check, with ``id``.
    doubt : LearnedDoubt
        What was learned from verdicts.
    """

    rows: Callable[[], pa.Table]
    doubt: LearnedDoubt


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
        Gets the images, all that was judged and what was learned from verdicts; returns what makes
        the check's columns, with ``id``, where they are due.
    """

    name: str
    code: str
    judge: Callable[..., pa.Table]
    gives: Callable[[int], Sequence[pa.Field]]
    take_in: Callable[[Judged, Taxonomy, float, Learning], Taken]


@dataclass(frozen=True, slots=True, repr=False)
class CheckResult(Shown):
    """What a check did.

    Attributes
    ----------
    looked, flagged : int
        Images that it could check, and those it flagged.
    changed : bool
        False when everything was up to date already.
    learned_from : int
        People's verdicts on images of the train split that its doubt was learned from.
    not_learned : str
        Why it has learned from none.
    """

    looked: int
    flagged: int
    changed: bool
    learned_from: int = 0
    not_learned: str = ""


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
    learning = Learning.of(atlas, weighted.records, taxonomy)
    made = check.take_in(judged, taxonomy, least, learning)
    asked = {"taxonomy": taxonomy_key(taxonomy), "least": least, "learned": learning.key}
    stamp = ColumnProvenance(name, asked, check.code, inputs=str(read))
    changed = not stamp.is_current(atlas.provenance_of(f"{name}_score"))
    if changed:
        atlas.replace_columns(made.rows(), stamp)
    looked = atlas.count("catalogue", f"{name}_score IS NOT NULL")
    flagged = atlas.count("catalogue", f"{name}_flag = true")
    return CheckResult(looked, flagged, changed, made.doubt.verdicts, made.doubt.why_not)
