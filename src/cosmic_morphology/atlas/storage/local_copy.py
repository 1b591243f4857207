"""Small tables of an object store as files of this machine: each request there takes a while."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import mkdtemp
from threading import Lock
from typing import Any
from weakref import finalize

import lance

from cosmic_morphology.atlas.storage.checksums import manifest_of
from cosmic_morphology.atlas.storage.store import Store

# What arrives in the time of some ten requests, and some thousand images of thumbnails.
MOST_BYTES = 64 << 20


class LocalCopy:
    """The files of one table, each fetched once, when a version that needs it is first read.

    No file of a table is ever written anew under its name, so that a copy stays right. It is gone
    with this object, and does not travel to another process.

    Parameters
    ----------
    store : Store
        The atlas.
    table : str
        Name of the table.
    """

    def __init__(self, store: Store, table: str) -> None:
        self._store, self._name = store, f"{table}.lance"
        self._folder: Path | None = None
        self._version = 0
        self._opened: Any = None
        self._lock = Lock()

    def __reduce__(self) -> Any:
        return LocalCopy, (self._store, self._name.removesuffix(".lance"))

    def of(self, dataset: Any) -> Any:
        """The version that a ``lance.LanceDataset`` is at, to be read here; None for a large one.

        Raises
        ------
        OSError
            A file is not there, or the store does not answer.
        """
        with self._lock:
            if self._version != dataset.version:
                self._opened = self._open(dataset) if _is_small(dataset) else None
                self._version = dataset.version
            return self._opened

    def path(self, path: str) -> Path:
        """Where a file of the table stands here, or would."""
        if self._folder is None:
            self._folder = Path(mkdtemp(prefix="cosmic-copy-"))
            finalize(self, _remove, self._folder, os.getpid())
        return self._folder / self._name / path

    def blocks(self, dataset: Any, path: str) -> Iterator[bytes]:
        """The bytes of a file of the version that a dataset is at; it is not fetched again then.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        if not _is_small(dataset):
            yield from self._store.blocks(f"{self._name}/{path}")
            return
        self._fetch(path)
        yield self.path(path).read_bytes()

    def _open(self, dataset: Any) -> Any:
        for path in (*_files(dataset), manifest_of(dataset.version)):
            self._fetch(path)
        return lance.dataset(str(self.path("")), version=dataset.version)

    def _fetch(self, path: str) -> None:
        if not self.path(path).exists():
            self._store.fetch(f"{self._name}/{path}", self.path(path))


def _remove(folder: Path, process: int) -> None:
    if os.getpid() == process:  # one that was forked has the same folder
        shutil.rmtree(folder, ignore_errors=True)


def _is_small(dataset: Any) -> bool:
    sizes = [
        file.file_size_bytes
        for fragment in dataset.get_fragments()
        for file in fragment.data_files()
    ]
    return None not in sizes and sum(sizes) <= MOST_BYTES


def _files(dataset: Any) -> Iterator[str]:
    for fragment in dataset.get_fragments():
        yield from (f"data/{file.path}" for file in fragment.data_files())
        if deletion := fragment.deletion_file():
            yield str(deletion)
