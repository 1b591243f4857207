"""Small files beside the tables: the marker of the atlas and the records of its checksums."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas.storage.contact import reach, with_limits
from cosmic_morphology.atlas.storage.faults import full_disk, is_missing, translate_errors
from cosmic_morphology.errors import OutputError
from cosmic_morphology.io_utils import write_bytes
from cosmic_morphology.safe_text import hide

_BLOCK = 1 << 20


def is_local(uri: str) -> bool:
    """Whether the atlas is a folder on this machine."""
    return "://" not in uri


class Store:
    """The files of one atlas, in a folder or in an object store.

    Parameters
    ----------
    uri : str
        The atlas.
    storage_options : dict, optional
        Passed to Lance for object stores.
    """

    def __init__(self, uri: str, storage_options: dict[str, str] | None = None) -> None:
        hide(storage_options or {})  # from every message and from what is stored
        self.uri = uri
        self._folder = Path(uri) if is_local(uri) else None
        self.storage_options = storage_options if self._folder else with_limits(storage_options)
        self._is_reached = self._folder is not None
        self._opened: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """For another process, which makes a connection of its own."""
        return {**self.__dict__, "_opened": None}

    def reach(self) -> None:
        """Make sure that an object store answers; nothing is asked twice.

        Raises
        ------
        AtlasStoreError
            It does not answer within ten seconds, or refuses.
        """
        if not self._is_reached:
            with translate_errors(self.uri):
                reach(self.uri, self.storage_options or {})
            self._is_reached = True

    def names(self, folder: str = "") -> list[str]:
        """Paths of all files below a folder, relative to the atlas, sorted; hidden ones left out.

        Hidden are files that a killed writer had not finished.
        """
        with translate_errors(self.uri):
            if self._folder is None:
                found = self._session().list(folder or None)
            else:
                found = [
                    each.relative_to(self._folder).as_posix()
                    for each in (self._folder / folder).rglob("*")
                    if each.is_file()
                ]
        return sorted(each for each in found if not each.rpartition("/")[2].startswith("."))

    def is_empty(self) -> bool:
        """Whether nothing is there yet; hidden files are none."""
        with translate_errors(self.uri):
            if self._folder is None:
                found = self._session().list_with_delimiter()
                return not found.objects and not found.common_prefixes
            return all(each.name.startswith(".") for each in self._folder.iterdir())

    def blocks(self, path: str) -> Iterator[bytes]:
        """The bytes of one file, a block at a time.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        if self._folder is not None:
            yield from _blocks(self._folder / path)
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            self.fetch(path, copy)
            yield from _blocks(copy)

    def fetch(self, path: str, to: Path) -> None:
        """Copy one file of an object store to this machine, whole or not at all.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        to.parent.mkdir(parents=True, exist_ok=True)
        half = to.with_name(f".{to.name}")
        try:
            self._session().download_file(path, half)
        except OSError as error:
            if is_missing(error):
                raise FileNotFoundError(path) from error
            raise
        half.replace(to)

    def send(self, copy: Path, path: str) -> None:
        """Write a file of this machine to an object store, whole or not at all."""
        self._session().upload_file(copy, path)

    def read(self, path: str) -> bytes | None:
        """The bytes of a small file; None when it is not there."""
        with translate_errors(self.uri):
            try:
                return b"".join(self.blocks(path))
            except (FileNotFoundError, NotADirectoryError):
                return None

    def size(self, path: str) -> int:
        """Bytes of one file; in an object store its bytes are fetched for that.

        Raises
        ------
        FileNotFoundError
            There is no such file.
        """
        if self._folder is not None:
            return (self._folder / path).stat().st_size
        return sum(map(len, self.blocks(path)))

    def write(self, path: str, data: bytes) -> None:
        """Write a small file, whole or not at all."""
        with translate_errors(self.uri):
            if self._folder is not None:
                try:
                    write_bytes(self._folder / path, data)
                except OutputError as error:
                    raise full_disk(self.uri) from error
                return
            with tempfile.TemporaryDirectory() as folder:
                copy = Path(folder) / "copy"
                copy.write_bytes(data)
                self.send(copy, path)

    def remove(self, path: str) -> None:
        """Remove one file."""
        with translate_errors(self.uri):
            if self._folder is not None:
                (self._folder / path).unlink(missing_ok=True)
            else:
                self._session().delete_file(path)

    def _session(self) -> Any:
        self.reach()
        if self._opened is None:
            from lance.file import LanceFileSession

            self._opened = LanceFileSession(self.uri, self.storage_options)
        return self._opened


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block
