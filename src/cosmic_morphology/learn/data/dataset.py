"""Where training gets its images from: the atlas, or a Parquet file on a machine without one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow.parquet as pq

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.atlas.export import IMAGE_KEY, THUMBNAIL
from cosmic_morphology.errors import InputError, UsageError

TRAINING_SPLITS = SPLITS[:2]
_NEEDED = ("id", "image", "label", "split", "group")


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled image of the train or val split.

    Attributes
    ----------
    id : str
        Of the image.
    label : str
        The class that is trained on.
    split : str
        ``train`` or ``val``; test images never come here.
    group : str
        Images that no split may part.
    weight : float
        How sure the label is, in (0, 1].
    """

    id: str
    label: str
    split: str
    group: str
    weight: float = 1.0


class TrainingSource(Protocol):
    """What training needs of a source of images."""

    def origin(self) -> dict[str, str]:
        """Where the data is and which version of it is read."""
        ...

    def examples(self, labels: str) -> list[Example]:
        """Images of train and val with a label, by ``id``: ``label``, or a voter's votes."""
        ...

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The JPEG of each image, in order."""
        ...


@runtime_checkable
class TextSource(Protocol):
    """A source that also knows what the texts of its images say."""

    def text_probabilities(
        self, ids: Sequence[str], classes: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the texts say, ``(N, K)``, ``nan`` where silent; and whose label people checked."""
        ...


class ParquetSource:
    """Images of one Parquet file, as ``cosmic atlas export --format parquet`` writes it.

    Parameters
    ----------
    path : Path
        With the columns ``id, image, label, split, group``, and ``label_confidence`` if known.

    Raises
    ------
    InputError
        The file cannot be read or lacks a column.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise InputError(
                "there is no such Parquet file", where=str(path), todo="Check the path."
            )
        try:
            self._file = pq.ParquetFile(path)
        except (OSError, ValueError) as error:
            raise InputError(
                f"this is not a readable Parquet file ({error})",
                where=str(path),
                todo="Export it again: cosmic atlas export.",
            ) from error
        missing = [name for name in _NEEDED if name not in self._file.schema_arrow.names]
        if missing:
            raise InputError(
                f"columns are missing: {', '.join(missing)}",
                where=str(path),
                todo="Write the file with `cosmic atlas export --format parquet`.",
            )
        if (self._file.schema_arrow.metadata or {}).get(IMAGE_KEY) != THUMBNAIL:
            raise InputError(
                "the images of this Parquet file are not the thumbnails that training reads",
                where=str(path),
                todo="Write the file with `cosmic atlas export`, without --original.",
            )
        self._path = path

    def origin(self) -> dict[str, str]:
        """Path and size of the file."""
        return {"uri": str(self._path.resolve()), "version": f"{self._path.stat().st_size} bytes"}

    def examples(self, labels: str) -> list[Example]:
        """Labelled images of train and val; only the column ``label`` is in such a file."""
        if labels != "label":
            raise UsageError(
                "a Parquet file holds no votes", where=str(self._path), todo="Train on 'label'."
            )
        columns = ["id", "label", "split", "group"]
        if "label_confidence" in self._file.schema_arrow.names:
            columns.append("label_confidence")
        return examples_of_labels(self._file.read(columns).to_pylist())

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The JPEG of each image; the order is that of the file."""
        wanted = set(ids)
        for batch in self._file.iter_batches(batch_size=256, columns=["id", "image"]):
            for row in batch.to_pylist():
                if row["id"] in wanted:
                    yield row["id"], row["image"]["bytes"]


def examples_of_labels(rows: Sequence[dict[str, Any]]) -> list[Example]:
    """Rows of ``id, label, split, group, label_confidence`` as examples, sorted by id."""
    return sorted(
        (
            Example(
                row["id"],
                row["label"],
                row["split"],
                row.get("group") or row["id"],
                _weight(row.get("label_confidence")),
            )
            for row in rows
            if row["label"] and row["split"] in TRAINING_SPLITS
        ),
        key=lambda example: example.id,
    )


def examples_of_votes(rows: Sequence[dict[str, Any]], voter: str) -> list[Example]:
    """Rows of ``id, votes, split, group`` labelled by the heaviest vote of one voter."""
    found = []
    for row in rows:
        mine = [vote for vote in row["votes"] or () if vote["voter"] == voter]
        if mine and row["split"] in TRAINING_SPLITS:
            heaviest = max(mine, key=lambda vote: vote["weight"] or 0.0)
            found.append(
                Example(row["id"], heaviest["label"], row["split"], row["group"] or row["id"])
            )
    return sorted(found, key=lambda example: example.id)


def _weight(confidence: float | None) -> float:
    return 1.0 if confidence is None else float(np.clip(confidence, 0.05, 1.0))
