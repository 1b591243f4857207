"""Finds the file of a folder that a table means."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath


class FileMatcher:
    """Finds the file that a cell means; a looser reading counts only where it means one file.

    A path may begin at the table's own folder, at the top, or above it with the names of the
    folders there (``set/a.jpg`` for the folder ``set``, or the whole path). In this order: the
    very path; the same in Unicode's composed form (a Mac writes ``é`` as two
    characters); in any capitals; without its ending; the end of one path (``0.jpg`` for
    ``images/0.jpg``).

    Parameters
    ----------
    files : iterable of str
        Relative paths.
    root : str
        Where the files are, as a whole path.
    """

    def __init__(self, files: Iterable[str], root: str = "") -> None:
        self._root = PurePosixPath(root)
        self._tables: list[tuple[_Reading, dict[str, list[str]]]] = []
        listed = list(files)
        for of_file, of_cell in _READINGS:
            table: dict[str, list[str]] = defaultdict(list)
            for file in listed:
                table[of_file(file)].append(file)
            self._tables.append((of_cell, table))
        # The ends of paths, with and without the file's ending, by the name alone.
        self._ends: list[dict[str, list[tuple[str, str]]]] = []
        for of_file in (_any_capitals, _without_ending):
            names: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for file in listed:
                read = of_file(file)
                names[PurePosixPath(read).name].append((f"/{read}", file))
            self._ends.append(names)
        self._folders = {str(above) for file in listed for above in PurePosixPath(file).parents}

    def find(self, cell: str, folder: str = "") -> str:
        """The file; empty where there is none, several, or the path leads outside.

        ``folder`` is that of the table; where images lie in it, the end of a path means those.
        """
        if not cell:
            return ""
        clean = posixpath.normpath(cell.replace("\\", "/"))
        if clean.startswith("/"):
            clean = _below(clean, f"{self._root}/")
        if clean.startswith("../") or clean in {"", ".", ".."}:
            return ""
        nearer = posixpath.normpath(posixpath.join(folder, clean))
        farther = _below(clean, f"{self._root.name}/")
        for reading, table in self._tables:
            for path in dict.fromkeys((nearer, clean, farther)):
                found = table.get(reading(path), [])
                if len(found) == 1:
                    return found[0]
                if found:  # several: which of them is meant cannot be known
                    return ""
        ending = "/" + _any_capitals(clean)
        below = f"{folder}/" if folder in self._folders else ""
        for names in self._ends:
            named = names.get(ending.rpartition("/")[2], [])
            ends = [file for path, file in named if path.endswith(ending)]
            ends = [file for file in ends if file.startswith(below)]
            if ends:
                return ends[0] if len(ends) == 1 else ""
        return ""


def _below(path: str, above: str) -> str:
    """The rest of a path below another; empty where it is not below it."""
    return path.removeprefix(above) if path.startswith(above) else ""


def composed(path: str) -> str:
    """A text in Unicode's composed form."""
    return unicodedata.normalize("NFC", path)


def _any_capitals(path: str) -> str:
    return composed(composed(path).casefold())


def _without_ending(path: str) -> str:
    return _any_capitals(posixpath.splitext(path)[0])


_Reading = Callable[[str], str]
# How a file's path is read, and how a cell is: a cell without an ending means a file with one,
# and ``0.jpg`` never means ``0.png``.
_READINGS: tuple[tuple[_Reading, _Reading], ...] = (
    (str, str),
    (composed, composed),
    (_any_capitals, _any_capitals),
    (_without_ending, _any_capitals),
)
