"""Files of a folder, listed in order and read one at a time; what is left out is counted."""

from __future__ import annotations

import os
import stat
from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Protocol

from cosmic_morphology.errors import InputError

# What people and their programs leave beside images. Anything else is looked at: images
# may have any name, or none that says so.
SIDECARS = frozenset(
    {
        *(".txt", ".md", ".rst", ".csv", ".tsv", ".json", ".jsonl", ".xml", ".html", ".htm"),
        *(".yaml", ".yml", ".toml", ".ini", ".cfg", ".db", ".log", ".py", ".ipynb", ".pdf"),
        *(".npy", ".npz", ".pkl", ".pt", ".pth", ".h5", ".parquet", ".zip", ".gz", ".tar"),
    }
)
CLUTTER = frozenset({"__MACOSX", "Thumbs.db", "desktop.ini"})
# Without waiting: what was a file when it was listed may be a pipe by now.
_FLAGS = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_PACKED_FITS = (".fits.gz", ".fit.gz", ".fts.gz")

HIDDEN = "hidden"
NOT_REGULAR = "not a regular file"
LINK_OUT = "link out of the folder"
LINK_NOWHERE = "link to nothing"
LINK_AGAIN = "link to a folder that is read anyway"
UNREADABLE = "unreadable folder"


@dataclass
class UnlistedFiles:
    """What a store does not list, by reason.

    Attributes
    ----------
    counts : Counter of str
        Files (folders, where what is in them cannot be known) by reason.
    links : dict of str to str
        Each link that leads out, and its target.
    lost : list of str
        Folders whose images are lost with them: behind a link that leads out, or unreadable.
    """

    counts: Counter[str] = field(default_factory=Counter)
    links: dict[str, str] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)


class FileStorage(Protocol):
    """A place with files.

    Attributes
    ----------
    names : list of str
        Relative paths with ``/``, sorted, without hidden files.
    left_out : UnlistedFiles
        The rest.
    """

    names: list[str]
    left_out: UnlistedFiles

    def read(self, name: str, at_most: int) -> bytes:
        """Bytes of one file, no more than ``at_most`` of them."""


def is_sidecar(name: str) -> bool:
    """Whether a name is that of a text, table or program beside the images."""
    lowered = name.lower()
    return PurePosixPath(lowered).suffix in SIDECARS and not lowered.endswith(_PACKED_FITS)


def is_clutter(name: str) -> bool:
    """Whether a file or folder is hidden, or left there by a system."""
    return name.startswith(".") or name in CLUTTER


class FolderStore:
    """The regular files below a folder.

    Links to files are followed where they stay in the folder; whatever leads out of it is
    counted with its target. Pipes, sockets and devices are never opened.

    Parameters
    ----------
    root : Path
        The folder.
    follow_links : bool
        Take in what links lead to, wherever it lies (but nothing special, and no circle).

    Raises
    ------
    InputError
        The folder itself cannot be read.
    """

    def __init__(self, root: Path, *, follow_links: bool = False) -> None:
        try:
            self.root = root.resolve(strict=True)
            with os.scandir(self.root):
                pass
        except (OSError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or error
            raise InputError(
                f"this folder cannot be read ({why})",
                where=str(root),
                todo="See who may read there (ls -ld).",
            ) from error
        self.left_out = UnlistedFiles()
        self._follow = follow_links
        self.names = sorted(self._listed())

    def read(self, name: str, at_most: int) -> bytes:
        """Bytes of one file, no more than ``at_most`` of them."""
        handle = os.open(self.root / name, _FLAGS)
        with open(handle, "rb") as file:  # noqa: PTH123 - a descriptor, not a path
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(0, NOT_REGULAR)
            return file.read(at_most)

    def _listed(self) -> Iterator[str]:
        waiting = deque([""])
        self._seen = {_identity(self.root)}
        while waiting:
            folder = waiting.popleft()
            for entry in self._entries(folder):
                name = f"{folder}/{entry.name}" if folder else entry.name
                is_link = entry.is_symlink()
                if is_clutter(entry.name):
                    self.left_out.counts[HIDDEN] += _files_in(entry)
                elif is_link and not self._leads_on(name):
                    continue
                elif entry.is_dir():
                    if self._is_new(name, is_link=is_link):
                        waiting.append(name)
                elif entry.is_file():
                    yield name
                else:
                    self.left_out.counts[NOT_REGULAR] += 1

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(self.root / folder) as entries:
                return sorted(entries, key=lambda entry: entry.name)
        except OSError:
            self.left_out.counts[UNREADABLE] += 1
            self.left_out.lost.append(folder)
            return []

    def _leads_on(self, name: str) -> bool:
        """Whether a link is followed; counted otherwise."""
        link = self.root / name
        try:
            target = link.resolve(strict=True)
            is_folder = target.is_dir()
        except (OSError, RuntimeError):  # to nothing, in a circle, or where we may not look
            self.left_out.counts[LINK_NOWHERE] += 1
            self.left_out.links[name] = target_name = _read_link(link)
            if looks_like_a_folder(target_name):
                self.left_out.lost.append(name)
            return False
        if self._follow or target.is_relative_to(self.root):
            return True
        self.left_out.counts[LINK_OUT] += 1
        self.left_out.links[name] = str(target)
        if is_folder:
            self.left_out.lost.append(name)
        return False

    def _is_new(self, name: str, *, is_link: bool) -> bool:
        """Whether a folder is not read already, nor will be under its own name."""
        target = (self.root / name).resolve()
        if is_link and target.is_relative_to(self.root):
            within = target.relative_to(self.root).parts
            if not any(is_clutter(part) for part in within):
                self.left_out.counts[LINK_AGAIN] += 1
                return False
        identity = _identity(target)
        if identity in self._seen:
            self.left_out.counts[LINK_AGAIN] += 1
            return False
        self._seen |= {identity} - {None}
        return True


def looks_like_a_folder(name: str) -> bool:
    """Whether a name is that of a folder, as far as a name can say: it has no ending."""
    return not PurePosixPath(name).suffix


def _identity(folder: Path) -> tuple[int, int] | None:
    try:
        found = folder.stat()
    except OSError:  # where we may not look; that it cannot be read is counted when it is opened
        return None
    return found.st_dev, found.st_ino


def _files_in(entry: os.DirEntry[str]) -> int:
    """How many files are hidden by a name: one, or those of a whole folder (at least one)."""
    if not entry.is_dir(follow_symlinks=False):
        return 1
    return sum(len(files) for _, _, files in os.walk(entry.path))


def _read_link(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:
        return ""
