"""What a source gives, checked before it is believed: its records are outside data."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

from cosmic_morphology.atlas import Answer, Record
from cosmic_morphology.collect.sources import text
from cosmic_morphology.collect.sources.base import (
    CountChanged,
    SkippedRecord,
    SkipReason,
    Slice,
    SourceItem,
)
from cosmic_morphology.errors import SourceError

# By what a record says its parts are, so that a new one is checked as what it is.
_TEXTS, _TUPLES = (
    frozenset(each.name for each in fields(Record) if each.type == kind)
    for kind in ("str", "tuple[str, ...]")
)
_MAX_DETAIL = 500
# What the column of the atlas can hold.
_MOST_PEOPLE = 2**31


def checked(found: Any, source: str) -> SourceItem:
    """A record with texts that can be stored; anything else is left out as malformed.

    Parameters
    ----------
    found : object
        What a source gave in the place of a record.
    source : str
        The source's name, which its records must have.
    """
    if isinstance(found, Record):
        return _record(found, source)
    if isinstance(found, SkippedRecord) and isinstance(found.source_id, str):
        why = found.why if isinstance(found.why, SkipReason) else SkipReason.MALFORMED
        return SkippedRecord(
            text.safe_id(found.source_id), why, text.utf8(str(found.detail)[:_MAX_DETAIL])
        )
    if isinstance(found, CountChanged) and text.is_count(found.announced):
        return found
    return SkippedRecord("", SkipReason.MALFORMED, f"the source gave a {type(found).__name__}")


def checked_slice(part: Any, source: str) -> Slice:
    """A slice whose name and counts can be stored.

    Raises
    ------
    SourceError
        It is something else.
    """
    is_slice = isinstance(part, Slice) and all(
        isinstance(each, str) and each == text.utf8(each) for each in (part.name, part.query)
    )
    if not is_slice or not all(
        each is None or text.is_count(each) for each in (part.announced, part.total)
    ):
        raise SourceError(
            "the source gives a slice that is none",
            where=source,
            todo="Mend the plug-in: slices() gives Slice objects; counts are whole or None.",
        )
    found: Slice = part
    return found


def _record(record: Record, source: str) -> SourceItem:
    wrong = [name for name in _TEXTS if not isinstance(getattr(record, name), str)]
    wrong += [name for name in _TUPLES if not _is_texts(getattr(record, name))]
    wrong += [] if _is_answers(record.answers) else ["answers"]
    if wrong or record.source != source or not record.source_id.strip():
        what = f"no text in {', '.join(sorted(wrong))}" if wrong else "no identifier of the source"
        return SkippedRecord("", SkipReason.MALFORMED, f"a record with {what}")
    source_id = text.safe_id(record.source_id)
    if record.image_url != text.utf8(record.image_url):
        return SkippedRecord(source_id, SkipReason.NO_IMAGE, "an address that cannot be written")
    said: dict[str, Any] = {
        name: text.utf8(getattr(record, name)) for name in _TEXTS - {"source", "source_id"}
    }
    said |= {name: tuple(map(text.utf8, getattr(record, name))) for name in _TUPLES}
    if not record.page_url.startswith(("http://", "https://")):
        # It becomes a link on a page for people: "javascript:" must not.
        said["page_url"] = ""
    read_at: Any = record.fetched_at
    if not isinstance(read_at, datetime):
        said["fetched_at"] = datetime.now(UTC)
    return replace(record, source_id=source_id, **said)


def _is_answers(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(
        isinstance(each, Answer)
        and isinstance(each.answer, str)
        and each.answer == text.utf8(each.answer)
        and isinstance(each.fraction, float | int)
        and 0 <= each.fraction <= 1
        and text.is_count(each.people)
        and each.people < _MOST_PEOPLE
        for each in value
    )


def _is_texts(value: Any) -> bool:
    return isinstance(value, tuple | list) and all(isinstance(each, str) for each in value)
