"""A SHA-256 of each file of the tables, recorded when it is committed.

Each commit writes one small file of its own, ``checksums/<table>/<version>-<transaction>.json``
beside the tables: two writers never write the same one, so that none loses the other's. Whoever
writes a file of columns takes its hash; of the others those that are new in a version are read. A
writer that is killed between its commit and its record
leaves files without a record; they are never recorded later, since nobody could tell by then
whether they are still what was written.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

from cosmic_morphology.atlas.storage.store import Store

FOLDER = "checksums"
TRANSACTION = "transaction file"
_KINDS = {"data": "data file", "_deletions": "deletion file"}
# A manifest holds the name of its transaction's file, as plain text.
_NAME = re.compile(rb"\d+-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\.txn")


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What was recorded of one file when it was committed.

    Attributes
    ----------
    path : str
        Inside the folder of the table.
    kind : str
        ``data file``, ``manifest``, ``transaction file``, ``deletion file``, ``index file``,
        ``tag``.
    size : int
        Bytes.
    sha256 : str
        Of all bytes.
    fragment : int or None
        The fragment that the file belongs to.
    rows : int or None
        Rows of that fragment.
    columns : tuple of str
        Columns in a data file.
    """

    path: str
    kind: str
    size: int
    sha256: str
    fragment: int | None = None
    rows: int | None = None
    columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CommitRecord:
    """The files that were new in one version of a table; ``files`` is None if it is damaged."""

    name: str
    version: int
    files: tuple[FileRecord, ...] | None


@dataclass(frozen=True, slots=True)
class Written:
    """What a version of a table consists of: its number, and its files of rows and deletions."""

    version: int = 0
    files: frozenset[str] = frozenset()

    @classmethod
    def of(cls, dataset: Any) -> Written:
        """Of the version that a dataset is at; nothing is asked of the store."""
        return cls(int(dataset.version), frozenset(_fragments(dataset)))


def record_commits(
    store: Store,
    table: str,
    dataset: Any,
    before: Written,
    *,
    is_simple: bool = True,
    sums: Mapping[str, str] = MappingProxyType({}),
    read: Callable[[str], Iterable[bytes]] | None = None,
) -> None:
    """Record the files that came with what was just committed.

    Parameters
    ----------
    store : Store
        The atlas.
    table : str
        Name of the table.
    dataset : lance.LanceDataset
        At the version that was written last.
    before : Written
        The version that the change started from.
    is_simple : bool
        One commit of rows, deletions or columns: that of the dataset's version. Versions in
        between are other writers', who record them. False for all other kinds of change: every
        version since is recorded.
    sums : mapping of str to str
        SHA-256 of data files that whoever wrote them has taken; the others are read for it.
    read : callable, optional
        Gives the bytes of a file of the table, from the store without it.
    """
    if dataset.version == before.version:
        return
    about = _fragments(dataset)
    write = _Recorder(
        store, table, about, sums, read or (lambda at: store.blocks(f"{table}.lance/{at}"))
    )
    if is_simple and dataset.version == before.version + 1:
        # Nothing is asked of the store but the bytes themselves.
        rows = {path: _KINDS[path.partition("/")[0]] for path in about.keys() - before.files}
        write.version(dataset.version, rows, manifest_of(dataset.version))
        return
    first = dataset.version if is_simple else before.version + 1
    by_version = referenced(dataset, first - 1)
    for version in sorted(each for each in by_version if each >= first):
        earlier = by_version.get(version - 1, {})
        new = {path: kind for path, kind in by_version[version].items() if path not in earlier}
        write.version(version, new)


@dataclass(frozen=True, slots=True)
class _Recorder:
    """Writes the records of one table; ``about`` is what its newest version says of its files."""

    store: Store
    table: str
    about: Mapping[str, Mapping[str, Any]]
    sums: Mapping[str, str]
    read: Callable[[str], Iterable[bytes]]

    def version(self, version: int, new: Mapping[str, str], manifest: str = "") -> None:
        """Record the new files of a version; with its manifest, the files that this one names."""
        files = []
        transaction = b""
        if manifest:
            content = b"".join(self.read(manifest))
            files.append(FileRecord(manifest, "manifest", len(content), _sha256(content)))
            transaction = _transaction_in(content)
            new = {**new, **dict.fromkeys(_transactions_in(content), TRANSACTION)}
        for path, kind in sorted(new.items()):
            if path in self.sums and path in self.about:
                sha256, size = self.sums[path], self.about[path]["size"]
            elif kind == TRANSACTION and _id_of(path).encode() in transaction:
                sha256, size = _sha256(transaction), len(transaction)
            else:
                sha256, size = _measured(self.read(path))
            about = {**self.about.get(path, {}), "size": size}
            files.append(FileRecord(path, kind, sha256=sha256, **about))
        name = f"{FOLDER}/{self.table}/{version}-{_transaction(new)}.json"
        _write(self.store, name, version, files)


def record_tag(store: Store, table: str, tag: str) -> None:
    """Record the file that pins a table's version under a name."""
    path = f"_refs/tags/{tag}.json"
    sha256, size = digest(store, f"{table}.lance/{path}")
    _write(store, f"{FOLDER}/{table}/tag-{tag}.json", 0, [FileRecord(path, "tag", size, sha256)])


def read_records(store: Store, table: str) -> list[CommitRecord]:
    """All records of a table, by version."""
    found = []
    for name in store.names(f"{FOLDER}/{table}"):
        version, files = _parse(store.read(name) or b"")
        found.append(CommitRecord(name, version, files))
    return sorted(found, key=lambda each: (each.version, each.name))


def forget(store: Store, table: str, paths: Collection[str]) -> None:
    """Take files out of the records: they are about to be removed with the last version of theirs.

    Safe to repeat after a kill. A record that names no other file goes, too.
    """
    for record in read_records(store, table):
        kept = [each for each in record.files or () if each.path not in paths]
        if record.files is None or len(kept) == len(record.files):
            continue
        if kept:
            _write(store, record.name, record.version, kept)
        else:
            store.remove(record.name)


def has_records(store: Store, table: str) -> bool:
    """Whether any commit of a table was recorded."""
    return bool(store.names(f"{FOLDER}/{table}"))


def referenced(dataset: Any, since: int = 0) -> dict[int, dict[str, str]]:
    """The files of each version from ``since`` on: version to path to kind."""
    found: dict[int, dict[str, str]] = {}
    for batch in dataset.tracked_files(min_version=max(since, 1)):
        for row in batch.select(["version", "path", "type"]).to_pylist():
            found.setdefault(row["version"], {})[row["path"]] = row["type"]
    return found


def digest(store: Store, path: str) -> tuple[str, int]:
    """SHA-256 and size of one file of the atlas.

    Raises
    ------
    FileNotFoundError
        There is no such file.
    """
    return _measured(store.blocks(path))


def _measured(blocks: Iterable[bytes]) -> tuple[str, int]:
    running, size = hashlib.sha256(), 0
    for block in blocks:
        running.update(block)
        size += len(block)
    return running.hexdigest(), size


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(store: Store, name: str, version: int, files: list[FileRecord]) -> None:
    content = {"version": version, "files": [asdict(each) for each in files]}
    text = json.dumps(content, sort_keys=True)
    own = _sha256(text.encode())
    store.write(name, f"{text}\n{own}\n".encode())


def _parse(data: bytes) -> tuple[int, tuple[FileRecord, ...] | None]:
    text, _, own = data.decode("utf-8", "replace").rstrip("\n").rpartition("\n")
    if not text or _sha256(text.encode()) != own:
        return 0, None
    content = json.loads(text)
    files = (FileRecord(**{**each, "columns": tuple(each["columns"])}) for each in content["files"])
    return content["version"], tuple(files)


def _fragments(dataset: Any) -> dict[str, Mapping[str, Any]]:
    names = dict(_field_names(dataset.lance_schema.fields()))
    found: dict[str, Mapping[str, Any]] = {}
    for fragment in dataset.get_fragments():
        about = {"fragment": fragment.fragment_id, "rows": fragment.physical_rows}
        for file in fragment.data_files():
            columns = dict.fromkeys(names[each] for each in file.fields if each in names)
            size = file.file_size_bytes
            found[f"data/{file.path}"] = {**about, "columns": tuple(columns), "size": size}
        if deletion := fragment.deletion_file():
            found[str(deletion)] = about
    return found


def _field_names(fields: Any, top: str = "") -> Iterator[tuple[int, str]]:
    for field in fields:
        yield field.id(), top or field.name()
        yield from _field_names(field.children(), top or field.name())


def manifest_of(version: int) -> str:
    """Lance counts down, so that the newest version stands first in a listing."""
    return f"_versions/{2**64 - 1 - version:020}.manifest"


def _transaction_in(manifest: bytes) -> bytes:
    """What Lance also writes as a file of its own: a manifest begins with it, and with its length.

    A transaction that is too large for that is not there; these bytes are then anything.
    """
    length = int.from_bytes(manifest[:4], "little")
    return manifest[4 : 4 + length]


def _transactions_in(manifest: bytes) -> Iterator[str]:
    for found in _NAME.finditer(manifest):
        yield f"_transactions/{found[0].decode()}"


def _transaction(files: Mapping[str, str]) -> str:
    for path, kind in files.items():
        if kind == TRANSACTION:
            return _id_of(path)
    return "commit"


def _id_of(transaction: str) -> str:
    return transaction.rpartition("/")[2].partition("-")[2].removesuffix(".txn")
