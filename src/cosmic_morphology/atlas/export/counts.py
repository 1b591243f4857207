"""What an export holds, counted while it is written, and the files that it consists of."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas.credits import may_be_redistributed


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of an export.

    Attributes
    ----------
    name : str
        Its path in the export, with slashes.
    sha256 : str
        Of its bytes.
    n_bytes : int
        Its size.
    split : str
        The split that it is of; empty: of all.
    """

    name: str
    sha256: str
    n_bytes: int
    split: str = ""


@dataclass(slots=True)
class ExportCounts:
    """Counts of the images that were written.

    Attributes
    ----------
    classes : Counter
        Images by class and split.
    kinds : Counter
        Images by kind of label and split.
    givers : Counter
        Images by kind of label and who gave it.
    credits : Counter
        Images by source, credit line and licence.
    """

    classes: Counter[tuple[str, str]] = field(default_factory=Counter)
    kinds: Counter[tuple[str, str]] = field(default_factory=Counter)
    givers: Counter[tuple[str, str]] = field(default_factory=Counter)
    credits: Counter[tuple[str, str, str]] = field(default_factory=Counter)

    @property
    def images(self) -> int:
        """How many images were written."""
        return self.classes.total()

    def of_splits(self) -> dict[str, int]:
        """Images by split."""
        return _summed(self.classes, 1)

    def of_classes(self) -> dict[str, int]:
        """Images by class; those without a label under the empty name."""
        return _summed(self.classes, 0)

    def not_redistributable(self) -> int:
        """Images whose licence does not say that copies may be given on."""
        return sum(
            number for key, number in self.credits.items() if not may_be_redistributed(key[2])
        )

    def counted(self, batches: Iterable[list[dict[str, Any]]]) -> Iterator[list[dict[str, Any]]]:
        """Batches of rows as they come, counted on their way."""
        for batch in batches:
            for row in batch:
                self._count(row)
            yield batch

    def _count(self, row: Mapping[str, Any]) -> None:
        self.classes[row["label"] or "", row["split"]] += 1
        self.kinds[row["label_kind"], row["split"]] += 1
        self.givers[row["label_kind"], row["label_by"]] += 1
        self.credits[row["source"], row["credit"], row["licence"]] += 1


def data_file(path: Path, name: str, split: str = "") -> DataFile:
    """Describe a file that has been written."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return DataFile(name, digest, path.stat().st_size, split)


def data_files(folder: Path, found: Sequence[tuple[Path, str]]) -> list[DataFile]:
    """Describe files of a folder, each given with its split."""
    return [data_file(path, path.relative_to(folder).as_posix(), split) for path, split in found]


def _summed(counts: Counter[tuple[str, str]], part: int) -> dict[str, int]:
    found: Counter[str] = Counter()
    for key, number in counts.items():
        found[key[part]] += number
    return dict(sorted(found.items()))
