"""People's verdicts from a table: checked line by line before any of them is stored."""

from __future__ import annotations

import getpass
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import VERDICTS, Atlas, Decision, standing_decisions
from cosmic_morphology.curate.columns import read_batches
from cosmic_morphology.curate.review.tables import ids_like, read_table
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import InputError
from cosmic_morphology.suggest import suggest_names
from cosmic_morphology.taxonomy import Taxonomy

_SHOWN = 5


@dataclass(frozen=True, slots=True, repr=False)
class ReviewResult(Shown):
    """What :func:`import_verdicts` did.

    Attributes
    ----------
    read : int
        Lines of the table.
    stored : int
        Verdicts that were new.
    already_there : int
        Verdicts that the atlas had already.
    other_split : int
        Verdicts on images of other splits, left out when one split was asked for.
    unknown : int
        Verdicts on ids that the atlas does not have; they are not stored.
    unknown_ids : tuple of str
        The first few of those ids.
    contradictions : int
        Images with verdicts that differ, in the table or with the atlas; the latest counts.
    contradicting_ids : tuple of str
        The first few of those ids.
    """

    read: int = 0
    stored: int = 0
    already_there: int = 0
    other_split: int = 0
    unknown: int = 0
    unknown_ids: tuple[str, ...] = ()
    contradictions: int = 0
    contradicting_ids: tuple[str, ...] = field(default=())


def import_verdicts(
    atlas: Atlas,
    csv_path: Path,
    *,
    taxonomy: Taxonomy,
    only_split: str = "",
    columns: Mapping[str, str] | None = None,
    id_prefix: str = "",
    who: str = "",
) -> ReviewResult:
    r"""Store people's verdicts; doing it twice changes nothing.

    Parameters
    ----------
    atlas : Atlas
        Gets the verdicts.
    csv_path : Path
        A table with the columns ``id``, ``verdict`` (keep, drop or label), ``label``, ``who``,
        ``when`` (ISO 8601), ``why``. Without ``verdict`` each line gives a label (column
        ``label`` or ``class``); the reject class means drop.
    taxonomy : Taxonomy
        The classes that a label may be.
    only_split : str
        Take verdicts on images of this split only.
    columns : mapping, optional
        Our name to the table's name, such as ``{"id": "file", "label": "class"}``.
    id_prefix : str
        Put before each id that does not begin with it, such as ``sky:``.
    who : str
        The person, for lines that name nobody; the user's name without it.

    Returns
    -------
    ReviewResult
        How many verdicts are new, known, unknown and contradicting.

    Raises
    ------
    InputError
        The file is missing or not such a table, or a line has an unknown verdict, class or time.
        Nothing is stored then.

    Examples
    --------
    >>> _ = Path("verdicts.csv").write_text("id,label,who\nfolder:sky/star/0.jpg,comet,ann\n")
    >>> done = cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy)
    >>> done.read, done.stored
    (1, 1)
    >>> cosmic.import_verdicts(atlas, Path("verdicts.csv"), taxonomy=taxonomy).already_there
    1
    """
    lines = read_table(
        csv_path,
        columns or {},
        needs=("id",),
        one_of=("verdict", "label"),
        may=("who", "when", "why"),
    )
    person = who or user_name()
    now = datetime.now(UTC)
    verdicts = [
        _verdict(line, number, csv_path, taxonomy, id_prefix, person) for number, line in lines
    ]
    ids = ids_like(atlas, (each["id"] for each in verdicts))
    verdicts = [{**each, "id": ids.find(each["id"])} for each in verdicts]
    asked = pa.array(sorted({each["id"] for each in verdicts}), pa.string())
    there = {
        row["id"]: row["split"]
        for batch in read_batches(atlas, ["id", "split"])
        for row in batch.filter(pc.is_in(batch.column("id"), value_set=asked)).to_pylist()
    }
    unknown = [each["id"] for each in verdicts if each["id"] not in there]
    wanted = [
        each
        for each in verdicts
        if each["id"] in there and (not only_split or there[each["id"]] == only_split)
    ]
    before = standing_decisions(atlas)
    against = _contradicting(before, wanted)
    standing = {(each.id, each.who): (each.verdict, each.label, each.why) for each in before}
    fresh = [
        {**each, "at": each["at"] or now}
        for each in wanted
        if each["at"]
        or standing.get((each["id"], each["who"])) != (each["verdict"], each["label"], each["why"])
    ]
    stored = atlas.append_decisions(fresh) if fresh else 0
    return ReviewResult(
        read=len(verdicts),
        stored=stored,
        already_there=len(wanted) - stored,
        other_split=len(verdicts) - len(unknown) - len(wanted),
        unknown=len(unknown),
        unknown_ids=tuple(dict.fromkeys(unknown))[:_SHOWN],
        contradictions=len(against),
        contradicting_ids=tuple(against[:_SHOWN]),
    )


def user_name() -> str:
    """The name of whoever sits here; in a container the user may have a number only."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return f"user {os.getuid()}" if hasattr(os, "getuid") else "a person"


def _verdict(
    line: dict[str, str],
    number: int,
    path: Path,
    taxonomy: Taxonomy,
    id_prefix: str,
    person: str,
) -> dict[str, Any]:
    where = f"{path}, line {number}"
    label = line.get("label", "").lower()
    verdict = line.get("verdict", "").lower() or ("" if "verdict" in line else "label")
    if not line["id"]:
        raise InputError("the id is empty", where=where, todo="Fill it in, or take the line out.")
    if verdict not in VERDICTS:
        raise InputError(
            f"the verdict {line.get('verdict', '')!r} is unknown",
            where=where,
            todo=suggest_names(verdict, VERDICTS),
        )
    if (verdict == "label" or label) and label not in taxonomy.names_with_reject:
        raise InputError(
            f"the label {line.get('label', '')!r} is not a class",
            where=where,
            todo=suggest_names(label, taxonomy.names_with_reject),
        )
    if verdict == "label" and label == taxonomy.reject:
        verdict = "drop"
    return {
        "id": line["id"] if line["id"].startswith(id_prefix) else id_prefix + line["id"],
        "verdict": verdict,
        "label": "" if verdict == "drop" else label,
        "who": line.get("who", "") or person,
        "at": _time(line.get("when", ""), where),
        "why": line.get("why", ""),
    }


def _time(text: str, where: str) -> datetime | None:
    if not text:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError as error:
        raise InputError(
            f"the time {text!r} cannot be read", where=where, todo="Write it as 2026-11-22T17:00."
        ) from error
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _contradicting(before: list[Decision], wanted: list[dict[str, Any]]) -> list[str]:
    said: dict[str, set[tuple[str, str]]] = {}
    for new in wanted:
        said.setdefault(new["id"], set()).add((new["verdict"], new["label"]))
    for each in before:
        if each.id in said:
            said[each.id].add((each.verdict, each.label))
    return sorted(id_ for id_, opinions in said.items() if len(opinions) > 1)
