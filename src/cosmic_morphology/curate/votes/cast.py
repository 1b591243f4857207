"""Votes: every voter looks at what a source says of an image, and its opinions are kept."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import VOTE_TYPE, Atlas, ColumnProvenance
from cosmic_morphology.curate.columns import read_batches
from cosmic_morphology.curate.votes.label_model import TEXT_PROBABILITIES, text_probabilities
from cosmic_morphology.curate.votes.voters import (
    COLUMNS,
    SourceText,
    Voter,
    find_voters,
    versions_of_plugins,
)
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import ColumnWork, Engine, apply
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy

STAGE = "votes"
CODE = "6"


@dataclass(frozen=True, slots=True, repr=False)
class VoteResult(Shown):
    """What :func:`vote` did.

    Attributes
    ----------
    filled, already_there : int
        Images that were voted on now, and before.
    votes : dict of str to int
        Images that each voter had an opinion on.
    silent : int
        Images that no voter had an opinion on.
    """

    filled: int
    already_there: int
    votes: dict[str, int] = field(default_factory=dict)
    silent: int = 0


def vote(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy,
    settings: CurateSettings,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> VoteResult:
    """Fill the columns ``votes`` and ``text_probabilities`` of the images that lack them.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    taxonomy : Taxonomy
        Classes and text rules; when they change, all images are voted on again.
    settings : CurateSettings
        Which voters are asked.
    progress : callable, optional
        Called with rows done and rows in all.
    engine : Engine, optional
        Where it runs; without it on this machine.

    Examples
    --------
    >>> done = vote(atlas, taxonomy=taxonomy, settings=cosmic.load_settings().curate)
    >>> done.filled, done.already_there
    (0, 24)
    """
    voters = find_voters(settings.votes.disabled)
    asked: dict[str, Any] = {
        "taxonomy": taxonomy_key(taxonomy),
        "classes": taxonomy.names_with_reject,
        "voters": tuple(voters),
    }
    plugged = versions_of_plugins(voters)
    done = apply(
        atlas,
        ColumnWork(
            STAGE,
            vote_function,
            reads=COLUMNS,
            writes=(
                pa.field("votes", VOTE_TYPE),
                pa.field("text_probabilities", TEXT_PROBABILITIES),
            ),
            arguments=(taxonomy, settings.votes.disabled),
            task_rows=8192,
            worth_processes=16_384,
        ),
        made=vote_column_function(taxonomy, voters),
        stamp=ColumnProvenance(STAGE, asked | ({"plugged": plugged} if plugged else {}), CODE),
        progress=progress,
        engine=engine,
    )
    counted, silent = _counted(atlas)
    return VoteResult(
        filled=done.filled,
        already_there=done.already_there,
        votes=dict(sorted(counted.items())),
        silent=silent,
    )


def _counted(atlas: Atlas) -> tuple[Counter[str], int]:
    """Images that each voter has an opinion on, and images that none has one on."""
    counted: Counter[str] = Counter()
    silent = 0
    for batch in read_batches(atlas, ["votes"]):
        cast = batch.column("votes").combine_chunks()
        silent += pc.sum(pc.equal(pc.list_value_length(cast).fill_null(0), 0)).as_py() or 0
        said = pa.table(
            {
                "image": pc.list_parent_indices(cast),
                "voter": pc.struct_field(pc.list_flatten(cast), "voter"),
            }
        )
        once = said.group_by(["image", "voter"]).aggregate([]).column("voter")
        counted.update({each["values"]: each["counts"] for each in once.value_counts().to_pylist()})
    return counted, silent


def vote_function(taxonomy: Taxonomy, disabled: Sequence[str]) -> Callable[[pa.Table], pa.Table]:
    """The same for a worker, which finds plug-ins in its own environment.

    Raises
    ------
    InputError
        A plug-in cannot be loaded there.
    """
    return vote_column_function(taxonomy, find_voters(disabled))


def vote_column_function(
    taxonomy: Taxonomy, voters: Mapping[str, Voter]
) -> Callable[[pa.Table], pa.Table]:
    """The pure column function: said columns in, ``votes`` and what the texts say out."""

    def cast(batch: pa.Table) -> pa.Table:
        rows = cast_votes(batch, taxonomy, voters)
        return pa.table(
            {
                "votes": pa.array(rows, VOTE_TYPE),
                "text_probabilities": text_probabilities(rows, taxonomy.names_with_reject),
            }
        )

    return cast


def cast_votes(
    batch: pa.Table, taxonomy: Taxonomy, voters: Mapping[str, Voter]
) -> list[list[dict[str, Any]]]:
    """The votes on each row of some said columns."""
    return [
        [one.row() for voter in voters.values() for one in voter(said, taxonomy)]
        for said in map(SourceText.from_row, batch.to_pylist())
    ]


def labels_of_voter(
    votes: pa.ChunkedArray | pa.Array | Sequence[list[dict[str, Any]] | None],
    voter: str,
    *,
    ids: Sequence[str] | None = None,
) -> list[str]:
    """The label that one voter alone gives each image; empty where it has no opinion.

    Where its strongest votes tie (an image found by two searches lies in two folders of who
    searches by class word), a stable hash of the id chooses: neither class is favoured.

    Parameters
    ----------
    votes : pyarrow column or sequence
        The column ``votes``, of length N.
    voter : str
        Name of the voter, such as ``search_word``.
    ids : sequence of str, optional
        The N ids; without them the row number takes their place.

    Examples
    --------
    >>> votes = atlas.read(["votes"], where="label = 'star'").column("votes")
    >>> labels_of_voter(votes, "folder")[:2]
    ['star', 'star']
    """
    rows = votes.to_pylist() if hasattr(votes, "to_pylist") else list(votes)
    keys = list(ids) if ids is not None else [str(at) for at in range(len(rows))]
    return [_label_of(voter, row or [], key) for row, key in zip(rows, keys, strict=True)]


def taxonomy_key(taxonomy: Taxonomy) -> str:
    """Short hash of everything in a taxonomy, for stamps."""
    return hashlib.sha256(taxonomy.model_dump_json().encode()).hexdigest()[:16]


def _label_of(voter: str, row: list[dict[str, Any]], key: str) -> str:
    mine = [each for each in row if each["voter"] == voter]
    if len(mine) < 2:
        return str(mine[0]["label"]) if mine else ""
    best = max(each["weight"] for each in mine)
    tied = sorted({each["label"] for each in mine if each["weight"] == best})
    if len(tied) == 1:
        return str(tied[0])
    return str(tied[int(hashlib.sha256(key.encode()).hexdigest(), 16) % len(tied)])
