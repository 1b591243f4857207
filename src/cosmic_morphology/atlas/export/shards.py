"""Files of bounded size, several for each split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, Protocol, Self, TypeVar

from cosmic_morphology.atlas.export.counts import DataFile, data_files


class Closable(Protocol):
    """A writer of a file."""

    def close(self) -> None:
        """Finish the file."""
        ...


W = TypeVar("W", bound=Closable)


class Shards(Generic[W]):
    """The files of each split, of which one is open for each; use it in a ``with`` block.

    Parameters
    ----------
    folder : Path
        Where the files are to be; it exists.
    ending : str
        After ``<split>-00000``, such as ``.tar``.
    open_ : callable
        Makes the writer of a path.
    max_images, max_bytes : int
        A file with this many images, or bytes of images, gets no more.
    """

    def __init__(
        self,
        folder: Path,
        ending: str,
        open_: Callable[[Path], W],
        *,
        max_images: int,
        max_bytes: int,
    ) -> None:
        self._folder, self._ending, self._open = folder, ending, open_
        self._max_images, self._max_bytes = max_images, max_bytes
        self._writers: dict[str, W] = {}
        self._held: dict[str, tuple[int, int]] = {}
        self._paths: dict[str, list[Path]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        for writer in self._writers.values():
            writer.close()

    def writer(self, split: str, images: int, n_bytes: int) -> W:
        """The writer that takes these images, which are ``n_bytes`` long together."""
        held = self._held.get(split)
        if held is None or held[0] >= self._max_images or held[1] >= self._max_bytes:
            if split in self._writers:
                self._writers[split].close()
            paths = self._paths.setdefault(split, [])
            paths.append(self._folder / f"{split}-{len(paths):05d}{self._ending}")
            self._writers[split] = self._open(paths[-1])
            held = (0, 0)
        self._held[split] = held[0] + images, held[1] + n_bytes
        return self._writers[split]

    def files(self, root: Path) -> list[DataFile]:
        """Describe the files, once they are closed, by their paths below ``root``."""
        found = [(path, split) for split, paths in self._paths.items() for path in paths]
        return data_files(root, sorted(found))
