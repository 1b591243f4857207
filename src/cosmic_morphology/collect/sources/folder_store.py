"""Files of a folder or of a zip archive, listed in order and read one at a time."""

from __future__ import annotations

import os
import stat
import zipfile
import zlib
from collections import Counter
from pathlib import Path, PurePosixPath
from typing import Protocol

from cosmic_morphology.errors import InputError, PictureError
from cosmic_morphology.imaging import PictureKind

# What people and their programs leave beside pictures. Anything else is looked at: pictures
# may have any name, or none that says so.
SIDECARS = frozenset(
    {
        *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm"),
        *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".db", ".log", ".py", ".ipynb", ".pdf"),
        *(".npy", ".npz", ".pkl", ".pt", ".pth", ".h5", ".parquet", ".zip", ".gz", ".tar"),
    }
)
CLUTTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
# Pictures hardly compress: an archive that unpacks to this much more holds something else.
MAX_UNPACKING_RATIO = 200
FREE_UNPACKED_BYTES = 1_000_000_000


class Store(Protocol):
    """A place with files.

    Attributes
    ----------
    names : list of str
        Relative paths with ``/``, sorted, without hidden files.
    skipped : Counter of str
        What was left out, by reason.
    """

    names: list[str]
    skipped: Counter[str]

    def read(self, name: str, at_most: int) -> bytes:
        """Bytes of one file, no more than ``at_most`` of them."""


def open_store(path: Path) -> Store:
    """The files of a folder or zip archive.

    Raises
    ------
    InputError
        There is nothing at this path, it is neither folder nor zip, or the zip is damaged or
        built to explode.
    """
    if path.is_dir():
        return FolderStore(path)
    if not path.exists():
        raise InputError("there is no such folder or zip file", where=str(path))
    return ZipStore(path)


def is_sidecar(name: str) -> bool:
    """Whether a name is that of a text, table or program beside the pictures."""
    return PurePosixPath(name).suffix.lower() in SIDECARS


class FolderStore:
    """The regular files below a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: Counter[str] = Counter()
        self.names = sorted(self._listed())

    def read(self, name: str, at_most: int) -> bytes:
        """Bytes of one file, no more than ``at_most`` of them."""
        with (self.root / name).open("rb") as file:
            return file.read(at_most)

    def _listed(self) -> list[str]:
        found = []
        for folder, folders, files in os.walk(self.root, onerror=_unreadable):
            folders[:] = [name for name in folders if not _is_clutter(name)]
            for name in files:
                if _is_clutter(name):
                    self.skipped["hidden"] += 1
                    continue
                path = Path(folder, name)
                # Reading a pipe or a device would wait for ever.
                if not stat.S_ISREG(_mode(path)):
                    self.skipped["not a regular file"] += 1
                    continue
                found.append(path.relative_to(self.root).as_posix())
        return found


class ZipStore:
    """The files of a zip archive, read in place: nothing is ever unpacked to the disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped: Counter[str] = Counter()
        try:
            self._zip = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
            raise InputError(
                f"this is neither a folder nor a whole zip file ({error})",
                where=str(path),
                todo="Give a folder, or download the zip again.",
            ) from error
        self._members = self._listed()
        self.names = sorted(self._members)

    def read(self, name: str, at_most: int) -> bytes:
        """Bytes of one file, no more than ``at_most`` of them.

        Raises
        ------
        PictureError
            ``corrupt`` (damaged inside the archive) or ``unsupported`` (encrypted, or packed in
            a way that Python cannot read).
        """
        try:
            with self._zip.open(self._members[name]) as file:
                return file.read(at_most)
        except (RuntimeError, NotImplementedError) as error:
            raise PictureError(
                PictureKind.UNSUPPORTED, str(error), where=name, todo="Unpack it yourself."
            ) from error
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            what = f"it is damaged inside the zip ({error})"
            raise PictureError(PictureKind.CORRUPT, what, where=name) from error

    def _listed(self) -> dict[str, zipfile.ZipInfo]:
        members: dict[str, zipfile.ZipInfo] = {}
        for member in self._zip.infolist():
            if member.is_dir():
                continue
            name = member.filename.replace("\\", "/")
            parts = PurePosixPath(name).parts
            if not parts or name.startswith("/") or ".." in parts or ":" in parts[0]:
                self.skipped["path outside the archive"] += 1
            elif any(_is_clutter(part) for part in parts):
                self.skipped["hidden"] += 1
            elif name in members:
                self.skipped["listed twice"] += 1
            else:
                members[name] = member
        unpacked = sum(member.file_size for member in members.values())
        allowed = max(FREE_UNPACKED_BYTES, MAX_UNPACKING_RATIO * self.path.stat().st_size)
        if unpacked > allowed:
            raise InputError(
                f"this zip unpacks to {unpacked:,} bytes, far more than pictures do",
                where=str(self.path),
                todo="Unpack it yourself if you trust it, and import the folder.",
            )
        return members


def _is_clutter(name: str) -> bool:
    return name.startswith(".") or name in CLUTTER


def _mode(path: Path) -> int:
    try:
        return path.stat().st_mode
    except OSError:  # a link to nowhere: not a regular file, and counted as that
        return 0


def _unreadable(error: OSError) -> None:
    raise InputError(
        f"this folder cannot be read ({error.strerror})", where=str(error.filename)
    ) from error
