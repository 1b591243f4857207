"""WebDataset: tar files whose members of one name are one sample.

See the ``webdataset`` library's description of the format: a sample ``KEY`` is ``KEY.jpg`` (the
image), ``KEY.json`` (what is known of it) and ``KEY.cls`` (the number of its class). The samples
are in a random order that is the same every time, since readers only shuffle in a small window.
"""

from __future__ import annotations

import io
import json
import tarfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas.export.counts import DataFile, data_file
from cosmic_morphology.atlas.export.names import FileNames, ending_of
from cosmic_morphology.atlas.export.rows import COLUMNS
from cosmic_morphology.atlas.export.shards import Shards

CLASSES = "classes.txt"
_SHARD_BYTES, _SHARD_IMAGES = 500_000_000, 10_000


class Samples:
    """Writes rows into tar files as samples.

    Parameters
    ----------
    classes : sequence of str
        A class's number is its place here.
    original : bool
        Whether the bytes are those of the source, or JPEG thumbnails.
    """

    def __init__(self, classes: Sequence[str], *, original: bool) -> None:
        self._numbers = {each: number for number, each in enumerate(classes)}
        self._original = original
        self._names = FileNames()

    def add(self, tar: tarfile.TarFile, row: Mapping[str, Any], folder: str = "") -> None:
        """Add one sample; ``folder`` comes before its key."""
        key = folder + self._names.give(folder, row["id"])
        ending = ending_of(row["media_type"]) if self._original else "jpg"
        # Never null: readers take the type of a field from the first samples.
        cells = {name: "" if row[name] is None else row[name] for name in COLUMNS}
        cells["label_confidence"] = float(row["label_confidence"] or 0.0)
        members = {
            ending: row["bytes"],
            "json": json.dumps(cells).encode(),
            "cls": str(self._numbers[row["label"]]).encode(),
        }
        for suffix, data in members.items():
            member = tarfile.TarInfo(f"{key}.{suffix}")
            member.size, member.mode = len(data), 0o644
            tar.addfile(member, io.BytesIO(data))


def write_web_dataset(
    folder: Path,
    batches: Iterable[list[dict[str, Any]]],
    classes: Sequence[str],
    *,
    original: bool,
    shard_bytes: int = _SHARD_BYTES,
    shard_images: int = _SHARD_IMAGES,
) -> list[DataFile]:
    """Write ``<split>-00000.tar`` and so on, and ``classes.txt`` with a class in each line.

    Parameters
    ----------
    folder : Path
        An empty folder.
    batches : iterable of lists of dict
        Rows with ``bytes``.
    classes : sequence of str
        The classes.
    original : bool
        Whether the bytes are those of the source, or JPEG thumbnails.
    shard_bytes, shard_images : int
        A shard with this many bytes or images gets no more.
    """
    samples = Samples(classes, original=original)
    shards = Shards(
        folder,
        ".tar",
        lambda path: tarfile.TarFile(path, "w"),
        max_images=shard_images,
        max_bytes=shard_bytes,
    )
    with shards:
        for row in (row for batch in batches for row in batch):
            samples.add(shards.writer(row["split"], 1, len(row["bytes"])), row)
    (folder / CLASSES).write_text("".join(f"{each}\n" for each in classes), "utf-8")
    return shards.files(folder)


def write_tar(
    path: Path,
    name: str,
    batches: Iterable[list[dict[str, Any]]],
    classes: Sequence[str],
    *,
    original: bool,
) -> DataFile:
    """Write one tar with the samples of all splits, each under the name of its split."""
    samples = Samples(classes, original=original)
    with tarfile.open(path, "w") as tar:
        for row in (row for batch in batches for row in batch):
            samples.add(tar, row, f"{row['split']}/")
    return data_file(path, name)
