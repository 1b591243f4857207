"""What changes of a taxonomy's phrases would change of labels, counted before any is made.

A label here is what the words of a record alone come to: its texts, folder and searches, weighed as
:mod:`~cosmic_morphology.curate.labels.assign` weighs them, before copies, images, runs and people
are asked. These learn from the labels; what they would say afterwards only ``cosmic curate`` knows.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from heapq import nsmallest
from typing import Any
from urllib.parse import unquote

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.curate.labels.final_labels import CHECKED, judge_votes
from cosmic_morphology.curate.text.phrase_changes import SEARCH, PhraseChange, with_changes
from cosmic_morphology.curate.text.phrases import plain
from cosmic_morphology.curate.votes.cast import cast_votes
from cosmic_morphology.curate.votes.voters import COLUMNS, VOTERS, find_voters
from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

MOST_RECORDS, MOST_VOTES = 20_000, 4_000
"""So many records are looked at, and so many are voted on, again and again: a person waits."""
_SHOWN = 6
_NO_LETTER = re.compile(r"[\W_]+")

Moves = Mapping[tuple[str, str], int]
"""Records by label before and after; an empty one is none."""


@dataclass(frozen=True, slots=True)
class SampledTexts:
    """What is said of some records.

    Attributes
    ----------
    rows : pyarrow.Table
        The said columns of n records, with ``id`` and ``label_kind``.
    letters : tuple of n str
        All that is said of each, letters and figures alone, in lower case.
    records : int
        Of the whole atlas.
    """

    rows: pa.Table
    letters: tuple[str, ...]
    records: int

    def __len__(self) -> int:
        return len(self.letters)

    @property
    def ids(self) -> list[str]:
        """The n ids."""
        found: list[str] = self.rows.column("id").to_pylist()
        return found


@dataclass(frozen=True, slots=True)
class PhraseEffects:
    """What some changes would change of a sample.

    Attributes
    ----------
    sampled, records : int
        Records that were looked at, and in all. Where changes concern many, fewer are looked at.
    moves : dict of (str, str) to int
        Records whose label would be another, by the one before and after, the most first.
    examples : dict of (str, str) to tuple of str
        The first ids of each of these.
    judged : int
        Records that would change too, if no person had judged them; they keep their label and
        are not among the moves.
    each : tuple of (int or None)
        Records that each change alone would change; None where it is not valid alone.
    """

    sampled: int
    records: int
    moves: Moves
    examples: Mapping[tuple[str, str], tuple[str, ...]]
    judged: int
    each: tuple[int | None, ...]

    @property
    def changed(self) -> int:
        """Records whose label would be another."""
        return sum(self.moves.values())


def sample_texts(atlas: Atlas, *, most: int = MOST_RECORDS, seed: int = 0) -> SampledTexts:
    """What is said of all records, or of ``most`` that a seed draws, in the order of the draw.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    most : int
        Records that are drawn.
    seed : int
        Of the draw; it goes by the hash of an id, so it is the same whenever the records are, and
        no more ids are held than are drawn.
    """
    ids = (each for part in stream(atlas, ["id"]) for each in part.column(0).to_pylist())
    drawn = nsmallest(most, ids, key=lambda id_: sha256(f"{seed} {id_}".encode()).digest())
    there = set(atlas.table("catalogue").schema.names)
    columns = [name for name in ("id", *COLUMNS, "label_kind") if name in there]
    rows = take(atlas, drawn, columns)
    return SampledTexts(rows, tuple(map(_letters_of, rows.to_pylist())), atlas.count("catalogue"))


def effects_of(
    sample: SampledTexts,
    taxonomy: Taxonomy,
    changes: Sequence[PhraseChange],
    *,
    settings: CurateSettings,
) -> PhraseEffects:
    """Count what changes of phrases would change, all together and each alone.

    Only records that hold the words of a changed phrase are voted on again: the others keep what
    they have.

    Parameters
    ----------
    sample : SampledTexts
        From :func:`sample_texts`.
    taxonomy : Taxonomy
        As it is.
    changes : sequence of PhraseChange
        What would be made of it.
    settings : CurateSettings
        Which voters are asked, and how sure a label has to be.

    Raises
    ------
    TaxonomyError
        The changed taxonomy would not be valid.
    """
    changed = with_changes(taxonomy, changes)
    trial = _Trial(sample, taxonomy, settings)
    meant = [trial.meant(each) for each in changes]
    places = np.unique(np.concatenate([np.zeros(0, np.intp), *meant]))
    # Voted on before, after all changes, and after each: of a draw any beginning is a draw, too.
    singly = meant if len(changes) > 1 else []
    asked = np.sort(np.concatenate([places, places, *singly]))
    sampled = int(asked[MOST_VOTES]) if len(asked) > MOST_VOTES else len(sample)
    places, *meant = [each[each < sampled] for each in (places, *meant)]
    before = dict(zip(places.tolist(), trial.labels(places, taxonomy), strict=True))
    moves, judged, ids = Counter[tuple[str, str]](), 0, sample.ids
    examples: dict[tuple[str, str], list[str]] = defaultdict(list)
    for at, new in trial.moved(before, changed):
        if trial.is_judged[at]:
            judged += 1
            continue
        moves[before[at], new] += 1
        examples[before[at], new].append(ids[at])
    each: list[int | None] = [sum(moves.values())]
    if len(changes) != 1:
        each = [trial.alone(change, at, before) for change, at in zip(changes, meant, strict=True)]
    return PhraseEffects(
        sampled=sampled,
        records=sample.records,
        moves=dict(moves.most_common()),
        examples={move: tuple(some[:_SHOWN]) for move, some in examples.items()},
        judged=judged,
        each=tuple(each),
    )


class _Trial:
    """Labels of a sample under this taxonomy and that."""

    def __init__(self, sample: SampledTexts, taxonomy: Taxonomy, settings: CurateSettings) -> None:
        self._sample, self._taxonomy = sample, taxonomy
        self._voters = find_voters(settings.votes.disabled)
        self._least = settings.labels.min_confidence
        there = "label_kind" in sample.rows.schema.names
        kinds = sample.rows.column("label_kind").to_pylist() if there else [None] * len(sample)
        self.is_judged = [kind == CHECKED for kind in kinds]

    def meant(self, change: PhraseChange) -> NDArray[np.intp]:
        """Numbers of the records that a change can concern: at least all whose votes it changes."""
        # A search word is also the name of folders, in the plural, too; and who knows what a voter
        # of another package reads.
        is_of_all = (
            change.place.startswith(f"{SEARCH}:") or not VOTERS.keys() >= self._voters.keys()
        )
        words = [_NO_LETTER.sub("", each) for each in re.split(r"[\s*-]+", plain(change.phrase))]
        return np.array(
            [
                at
                for at, letters in enumerate(self._sample.letters)
                if is_of_all or all(word in letters for word in words)
            ],
            np.intp,
        )

    def labels(self, places: Sequence[int] | NDArray[np.intp], taxonomy: Taxonomy) -> list[str]:
        """The label of each of some records by what is said of it; empty where it is open."""
        rows = self._sample.rows.take(pa.array(places, pa.int64()))
        classes = taxonomy.names_with_reject
        votes = cast_votes(rows, taxonomy, self._voters)
        found = judge_votes(classes, (), votes).to_pylist() if votes else []
        return [
            classes[row["best"]]
            if row["asked"] or (row["voted"] and row["sure"] >= self._least)
            else ""
            for row in found
        ]

    def moved(self, before: Mapping[int, str], changed: Taxonomy) -> list[tuple[int, str]]:
        """Records that get another label, and which."""
        after = self.labels(list(before), changed)
        return [
            (at, new) for (at, old), new in zip(before.items(), after, strict=True) if old != new
        ]

    def alone(
        self, change: PhraseChange, places: NDArray[np.intp], before: Mapping[int, str]
    ) -> int | None:
        """How many records a change moves that nobody has judged; None where it is not valid."""
        try:
            changed = with_changes(self._taxonomy, [change])
        except TaxonomyError:
            return None
        moved = self.moved({at: before[at] for at in places.tolist()}, changed)
        return sum(not self.is_judged[at] for at, _ in moved)


def _letters_of(row: Mapping[str, Any]) -> str:
    said: list[str] = []
    for name in COLUMNS:
        value = row.get(name) or ""
        said += [value] if isinstance(value, str) else map(str, value)
    return _NO_LETTER.sub("", plain(unquote(" ".join(said))))
