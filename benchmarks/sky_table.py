"""The folder of real images with checked labels, as a table that training reads."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, NewImage, Record
from cosmic_morphology.curate import find_duplicates
from cosmic_morphology.curate.groups.keys import broad_names
from cosmic_morphology.curate.votes.cast import vote_column_function
from cosmic_morphology.curate.votes.voters import find_voters
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.learn.data.dataset import Example
from cosmic_morphology.learn.data.features import Features
from cosmic_morphology.learn.data.text_probabilities import in_order_of
from cosmic_morphology.learn.data.view_features import features_of_views
from cosmic_morphology.settings import CurateSettings, GroupSettings
from cosmic_morphology.taxonomy import load_taxonomy


def _text_probabilities(records: list[dict[str, object]]) -> list[list[float] | None]:
    vote = vote_column_function(load_taxonomy(), find_voters())
    return vote(pa.Table.from_pylist(records)).column("text_probabilities").to_pylist()


class Sky:
    """Checked images, split anew for each fold."""

    def __init__(self, folder: Path, keep: Path | None = None, limit: int | None = None) -> None:
        truth = csv.DictReader((folder / "truth.csv").read_text("utf-8").splitlines())
        rows = [row for row in truth if row["part"] != "extra"]
        rows = rows[:: max(1, len(rows) // limit)] if limit else rows
        said = [*csv.DictReader((folder / "catalogue.csv").read_text("utf-8").splitlines())]
        self.collection = {row["file"]: row["collection"] for row in said}
        self.ids = [row["file"] for row in rows]
        self.label = {row["file"]: row["class"] for row in rows}
        self.object = {row["file"]: row["object_name"] or row["file"] for row in rows}
        self.taught = dict(self.label)
        self.split: dict[str, str] = {}
        self._images, self._keep = folder / "images", keep
        self._catalogue = {row["file"]: row for row in said}
        lines = (folder / "apod.jsonl").read_text("utf-8").splitlines()
        self._apod = {Path(row["image"]).name: row for row in map(json.loads, lines)}
        self._said: dict[str, list[float] | None] = {}

    def origin(self) -> dict[str, str]:
        return {"uri": "images with checked labels", "version": "1"}

    def examples(self, labels: str) -> list[Example]:
        del labels
        return [
            Example(each, self.taught[each], self.split[each], self.object[each])
            for each in self.ids
            if self.split.get(each) in ("train", "val") and self.taught.get(each)
        ]

    def teach(self, labels: Path, *, checked: bool) -> None:
        """Learn only images of a CSV (file, label): with its labels, or with the checked ones."""
        rows = csv.DictReader(labels.read_text("utf-8").splitlines())
        self.taught = {
            row["file"]: self.label.get(row["file"], "") if checked else row["label"]
            for row in rows
        }

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        for each in ids:
            yield each, ingest_image((self._images / each).read_bytes()).thumbnail

    def strangers(self) -> list[tuple[Path, str, str]]:
        """Images of external folders: file, given label, right label; copies left out."""
        folder = self._images.parent
        truth = csv.DictReader((folder / "noisy_truth.csv").read_text("utf-8").splitlines())
        return [
            (folder / "noisy" / row["file"], row["given_label"], row["true_label"])
            for row in truth
            if not row["near_duplicate_in_images"]
        ]

    def bodies_by_copies(self) -> dict[str, str]:
        """Objects, but of single bodies (the Sun, each planet) the sets of near copies."""
        bodies = broad_names(GroupSettings())
        several = [each for each in self.ids if self.object[each].lower() in bodies]
        return self.object | self._copies(several)

    def _copies(self, files: Sequence[str]) -> dict[str, str]:
        """The first of the near copies of each image, by the program's own search by hash."""
        with TemporaryDirectory() as folder:
            atlas = Atlas.create(Path(folder) / "atlas")
            images = [(self._images / each).read_bytes() for each in files]
            records = [Record("sky", each) for each in files]
            atlas.add(
                [
                    NewImage(record, ingest_image(data), data)
                    for record, data in zip(records, images, strict=True)
                ]
            )
            find_duplicates(atlas, settings=CurateSettings())
            rows = atlas.read(["id", "duplicate_of"]).to_pylist()
        first = {row["id"]: row["duplicate_of"] or row["id"] for row in rows}
        return {each: first[record.id] for each, record in zip(files, records, strict=True)}

    def text_probabilities(self, ids, classes) -> tuple[np.ndarray, np.ndarray]:
        """What the records' texts say, and that people have checked every label."""
        if not self._said:
            column = _text_probabilities([self._record(each) for each in self.ids])
            self._said.update(zip(self.ids, column, strict=True))
        own = load_taxonomy().names_with_reject
        said = in_order_of(pa.array([self._said[each] for each in ids]), own, classes)
        return said, np.ones(len(ids), bool)

    def _record(self, file: str) -> dict[str, object]:
        """What a source says: of APOD the title and the whole explanation."""
        told = self._apod.get(file) or self._catalogue[file]
        text = told.get("explanation") or told.get("description") or ""
        return {"title": told["title"], "description": text}

    def embeddings(self, ids, learn, backbone, progress) -> np.ndarray:
        """The plain vector of each image, for recipes that need no more."""
        del progress
        return self.views(self, ids, backbone, learn, n_views=1).vectors[:, 0].astype(np.float32)

    def views(
        self, table, ids, backbone, learn, *, n_views, crops=0, augment=None, seed=0, **_
    ) -> Features:
        """Every image at once, then those asked for: folds share what a frozen net sees."""
        names = (
            backbone.name,
            backbone.n_features,
            f"{backbone.preprocessing.size_px}px",
            n_views + crops,
            "changed" if augment else "turned",
        )
        keep = self._keep / f"{'-'.join(map(str, names))}.npz" if self._keep else None
        found = features_of_views(
            table, self.ids, backbone, learn,
            n_views=n_views, crops=crops, augment=augment, seed=seed, keep=keep,
        )  # fmt: skip
        at = {each: row for row, each in enumerate(found.ids)}
        kept = [each for each in ids if each in at]
        return Features(found.vectors[[at[each] for each in kept]], kept, found.unreadable)
