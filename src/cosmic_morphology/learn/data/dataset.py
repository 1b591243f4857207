"""Where training gets its images from: the atlas, or a Parquet file on a machine without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import pyarrow.parquet as pq

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.atlas.export import IMAGE_KEY, THUMBNAIL
from cosmic_morphology.errors import InputError, UsageError
from cosmic_morphology.stats.score import VOLUNTEERED

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
    shares : mapping of str to float
        What volunteers' votes gave to each class: learned instead of the label, their majority.
        Empty where nobody voted.
    """

    id: str
    label: str
    split: str
    group: str
    weight: float = 1.0
    shares: Mapping[str, float] = field(default_factory=dict)


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
        With the columns ``id, image, label, split, group``; and ``label_confidence``,
        ``label_kind`` and ``votes`` if known.

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
        more = ("label_confidence", "label_kind", "votes")
        columns += [name for name in more if name in self._file.schema_arrow.names]
        return examples_of_labels(self._file.read(columns).to_pylist())

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The JPEG of each image; the order is that of the file."""
        wanted = set(ids)
        for batch in self._file.iter_batches(batch_size=256, columns=["id", "image"]):
            for row in batch.to_pylist():
                if row["id"] in wanted:
                    yield row["id"], row["image"]["bytes"]


def examples_of_labels(rows: Sequence[dict[str, Any]]) -> list[Example]:
    """Rows of ``id, label, split, group, label_confidence, votes`` as examples, sorted by id.

    Where the label is the majority of volunteers, their shares are learned, and the confidence
    (which says how far they agree) weighs nothing.
    """
    return sorted(
        (
            Example(
                row["id"],
                row["label"],
                row["split"],
                row.get("group") or row["id"],
                1.0 if shares else _weight(row.get("label_confidence")),
                shares,
            )
            for row, shares in ((row, _shares_of(row)) for row in rows)
            if row["label"] and row["split"] in TRAINING_SPLITS
        ),
        key=lambda example: example.id,
    )


def examples_of_votes(rows: Sequence[dict[str, Any]], voter: str) -> list[Example]:
    """Rows of ``id, votes, split, group`` labelled by the heaviest vote of one voter."""
    found = []
    for row in rows:
        shares = shares_of_votes(row["votes"] or ()) if voter == VOLUNTEERED else {}
        mine = [vote for vote in row["votes"] or () if vote["voter"] == voter]
        if mine and row["split"] in TRAINING_SPLITS:
            heaviest = max(mine, key=lambda vote: vote["weight"] or 0.0)
            group = row["group"] or row["id"]
            found.append(Example(row["id"], heaviest["label"], row["split"], group, shares=shares))
    return sorted(found, key=lambda example: example.id)


def shares_of_votes(votes: Iterable[Mapping[str, Any]]) -> dict[str, float]:
    """The share of volunteers that each class has by the column ``votes``; empty without any."""
    mine = (each for each in votes if each["voter"] == VOLUNTEERED)
    return {each["label"]: float(each["weight"]) for each in mine}


def _shares_of(row: Mapping[str, Any]) -> dict[str, float]:
    is_theirs = row.get("label_kind") == VOLUNTEERED
    return shares_of_votes(row.get("votes") or ()) if is_theirs else {}


def _weight(confidence: float | None) -> float:
    return 1.0 if confidence is None else float(np.clip(confidence, 0.05, 1.0))
