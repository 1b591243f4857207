"""The files of a table against the SHA-256 that was recorded when each was committed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cosmic_morphology.atlas.storage.checksums import (
    FileRecord,
    digest,
    read_records,
    referenced,
)
from cosmic_morphology.atlas.storage.faults import translate_errors, translated
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.store import Store
from cosmic_morphology.atlas.verification.problems import Problem
from cosmic_morphology.errors import AtlasDamagedError

_NAMED_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class FileCheck:
    """What :func:`check_files` found of one table."""

    sound: int
    problems: tuple[Problem, ...]
    not_checked: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Recorded:
    version: int
    file: FileRecord


def check_files(store: Store, table: str, opened: Table | None, *, hash_bytes: bool) -> FileCheck:
    """Compare every file of a table with its record.

    Parameters
    ----------
    store : Store
        The atlas.
    table : str
        Name of the table.
    opened : Table or None
        The table at its newest version; None when it cannot be opened.
    hash_bytes : bool
        Whether the bytes are compared, or the sizes only.
    """
    recorded: dict[str, list[_Recorded]] = {}
    problems: list[Problem] = []
    for commit in read_records(store, table):
        if commit.files is None:
            problems.append(
                Problem(
                    "record_damaged",
                    table,
                    f"the record {commit.name} of checksums is damaged",
                    todo="Put it back from a copy; without it its files cannot be checked.",
                )
            )
        for file in commit.files or ():
            recorded.setdefault(file.path, []).append(_Recorded(commit.version, file))
    needed = _needed(opened) if opened else {}
    newest = needed.get(opened.version, {}) if opened else {}
    sound = 0
    for path, records in recorded.items():
        wrong = _state(store, table, records, hash_bytes=hash_bytes)
        if wrong is None:
            sound += 1
        else:
            problems.append(_problem(table, records[0], *wrong, is_needed=path in newest))
    without = {
        path: kind
        for files in needed.values()
        for path, kind in files.items()
        if path not in recorded
    }
    problems += _gone(store, table, without)
    return FileCheck(sound, tuple(problems), tuple(f"{table}.lance/{p}" for p in sorted(without)))


def _needed(opened: Table) -> dict[int, dict[str, str]]:
    """The files of each version; of the newest alone when an older manifest is damaged."""
    for since in (0, opened.version):
        try:
            with translate_errors(opened.store.uri, opened.name):
                return referenced(opened.dataset, since)
        except AtlasDamagedError:
            continue
    return {}


def _state(
    store: Store, table: str, records: list[_Recorded], *, hash_bytes: bool
) -> tuple[str, str] | None:
    """Kind and description of what is wrong with a file; None when nothing is."""
    try:
        sha256, size = _measure(store, f"{table}.lance/{records[0].file.path}", hash_bytes)
    except FileNotFoundError:
        return "file_missing", "is missing"
    for each in records:
        if size != each.file.size:
            return "file_changed", f"has {size} bytes instead of {each.file.size}"
        if hash_bytes and sha256 != each.file.sha256:
            return "file_changed", "has other bytes than were written"
    return None


def _measure(store: Store, path: str, hash_bytes: bool) -> tuple[str, int]:
    """SHA-256 (empty if it is not asked for) and size; FileNotFoundError when there is no file."""
    try:
        return digest(store, path) if hash_bytes else ("", store.size(path))
    except FileNotFoundError:
        raise
    except (NotADirectoryError, IsADirectoryError, ValueError) as error:  # an impossible name
        raise FileNotFoundError(path) from error
    except OSError as error:
        raise translated(error, store.uri) from error


def _problem(table: str, record: _Recorded, kind: str, state: str, *, is_needed: bool) -> Problem:
    file = record.file
    columns = list(file.columns)
    if len(columns) > _NAMED_COLUMNS:
        columns = [*columns[:_NAMED_COLUMNS], f"{len(columns) - _NAMED_COLUMNS} more"]
    of = f" (columns {', '.join(columns)})" if columns else ""
    return Problem(
        kind,
        table,
        f"the {file.kind} {file.path}{of} {state}",
        fragment=file.fragment,
        rows=file.rows,
        todo=_todo(table, record, is_needed=is_needed),
    )


def _todo(table: str, record: _Recorded, *, is_needed: bool) -> str:
    file, version = record.file, record.version
    copy = f"Put it back from a copy (sha256 {file.sha256})"
    if file.kind == "transaction file":
        return f"{copy}; no row depends on it"
    if file.kind == "index file":
        return f"{copy}, or build the index again; no row depends on it"
    if file.kind == "tag":
        return f"{copy}, or remove it and tag again"
    if file.kind == "manifest":
        return f"{copy}; without it version {version} of the table cannot be read"
    if not is_needed:
        return f"{copy}; the newest version does not need it, older ones do"
    before = f", or read {table} {version - 1} and older, which do not need it" * (version > 2)
    again = {
        "images": ", or collect or import the same images into a new atlas",
        "catalogue": ", or collect or import the same images into a new atlas",
        "ledger": ", or collect into a new atlas",
        "decisions": ", or review again in a new atlas",
    }[table]
    return f"{copy}{before}{again}"


def _gone(store: Store, table: str, paths: dict[str, str]) -> Iterator[Problem]:
    """Files that a version needs, that have no record, and that are not even there."""
    for path, kind in sorted(paths.items()):
        try:
            _measure(store, f"{table}.lance/{path}", hash_bytes=False)
        except FileNotFoundError:
            yield Problem(
                "file_missing", table, f"the {kind} {path} is missing", todo="Put back a copy"
            )
