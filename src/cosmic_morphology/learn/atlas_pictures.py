"""The atlas as a source of pictures for training."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn.backbones import Backbone
from cosmic_morphology.learn.embedding import embed, embedding_stamp
from cosmic_morphology.learn.embedding_names import embedding_column, read_embeddings
from cosmic_morphology.learn.pictures import Example, examples_of_labels, examples_of_votes
from cosmic_morphology.settings import LearnSettings

_LEARNT_FROM = "split IN ('train', 'val')"


class AtlasPictures:
    """Pictures of an atlas: only the train and val splits are ever read.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas

    def where(self) -> dict[str, str]:
        """Address and version of the atlas; a folder by its whole path, to be found again."""
        uri = self._atlas.address
        place = uri if "://" in uri else str(Path(uri).resolve())
        return {"uri": place, "version": str(self._atlas.version)}

    def examples(self, labels: str) -> list[Example]:
        """Pictures of train and val with a label: the ``label`` column, or one voter's votes.

        Raises
        ------
        UsageError
            There is no split yet, or nobody of that name has voted.
        """
        if "split" not in self._atlas.columns():
            raise UsageError(
                "the pictures are not split yet", where=self._atlas.uri, todo="Run `cosmic split`."
            )
        with_picture = self._atlas.positions()
        column = "label" if labels == "label" else "votes"
        more = ["label_confidence"] if column == "label" else []
        table = self._atlas.read(["id", column, "split", "group", *more], where=_LEARNT_FROM)
        rows = [row for row in table.to_pylist() if row["id"] in with_picture]
        if column == "label":
            return examples_of_labels(rows)
        examples = examples_of_votes(rows, labels)
        if not examples:
            voters = sorted({v["voter"] for row in rows for v in row["votes"] or ()})
            raise UsageError(
                f"no voter {labels!r} has voted on the train and val splits",
                where="labels",
                todo=f"There are: label, {', '.join(voters)}.",
            )
        return examples

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The JPEG of each picture, in order, read in batches."""
        for batch in self._atlas.batches(["thumbnail"], ids=ids):
            yield from zip(
                batch.column("id").to_pylist(), batch.column("thumbnail").to_pylist(), strict=True
            )

    def embeddings(
        self,
        ids: Sequence[str],
        learn: LearnSettings,
        backbone: Backbone,
        progress: Callable[[int, int], None] | None = None,
    ) -> np.ndarray:
        """Embeddings of pictures, float32 of shape ``(N, F)``; zero where one is unreadable.

        They are taken from the atlas; what is missing there is embedded first and stays there.
        """
        column = embedding_column(learn.backbone)
        current = embedding_stamp(backbone).same_recipe(self._atlas.stamp_of(column))
        if not self._atlas.pinned or not current:
            embed(self._atlas, learn=learn, backbone=backbone, progress=progress)
        return read_embeddings(self._atlas, column, ids)
