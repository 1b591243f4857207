"""The atlas as a source of training images; the images of a finished run, found again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, checked_labels, labels_by_construction
from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.dataset import (
    Example,
    ParquetSource,
    TrainingSource,
    examples_of_labels,
    examples_of_votes,
)
from cosmic_morphology.learn.data.embed import embed_images, embedding_stamp
from cosmic_morphology.learn.data.embedding_names import embedding_column, read_embeddings
from cosmic_morphology.learn.data.text_probabilities import COLUMN, in_order_of, text_classes
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.run_folder.folder import read_run
from cosmic_morphology.safe_text import without_secrets
from cosmic_morphology.settings import LearnSettings
from cosmic_morphology.suggest import suggest_names

_BATCH = 512
_LEARNED_FROM = "split IN ('train', 'val')"


class AtlasSource:
    """Images of an atlas: only the train and val splits are ever read.

    Parameters
    ----------
    atlas : Atlas
        Read only.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas

    def origin(self) -> dict[str, str]:
        """Address and version of the atlas; a folder by its whole path, to be found again."""
        uri = self._atlas.address
        place = uri if "://" in uri else str(Path(uri).resolve())
        return {"uri": place, "version": str(self._atlas.version)}

    def examples(self, labels: str) -> list[Example]:
        """Images of train and val with a label: the ``label`` column, or one voter's votes.

        Raises
        ------
        UsageError
            There is no split yet, or nobody of that name has voted.
        """
        if "split" not in self._atlas.columns():
            raise UsageError(
                "the images are not split yet", where=self._atlas.uri, todo="Run `cosmic split`."
            )
        column = "label" if labels == "label" else "votes"
        more = ["label_confidence", "label_kind", "votes"] if column == "label" else []
        columns = ["id", column, "split", "group", *more]
        rows = self._atlas.read(columns, where=_LEARNED_FROM, with_image=True).to_pylist()
        if column == "label":
            return examples_of_labels(rows)
        examples = examples_of_votes(rows, labels)
        if not examples:
            voters = sorted({v["voter"] for row in rows for v in row["votes"] or ()})
            raise UsageError(
                f"no voter {labels!r} has voted on the train and val splits",
                where="labels",
                todo=suggest_names(labels, ["label", *voters]),
            )
        return examples

    def thumbnails(self, ids: Sequence[str]) -> Iterator[tuple[str, bytes]]:
        """The JPEG of each image, in order, read in batches."""
        for start in range(0, len(ids), _BATCH):
            batch = self._atlas.images(ids[start : start + _BATCH], ["id", "thumbnail"])
            yield from zip(
                batch.column("id").to_pylist(), batch.column("thumbnail").to_pylist(), strict=True
            )

    def text_probabilities(
        self, ids: Sequence[str], classes: Sequence[str]
    ) -> tuple[np.ndarray, np.ndarray]:
        """What the texts of images say, of shape ``(N, K)``, and which labels people checked.

        A row of ``nan`` where the texts are silent; the second array is of bool, shape ``(N,)``.
        """
        rows = self._atlas.read(["id", COLUMN], where=_LEARNED_FROM)
        at = {each: row for row, each in enumerate(rows.column("id").to_pylist())}
        chosen = rows.take(pa.array([at[each] for each in ids], pa.int64()))
        said = in_order_of(chosen.column(COLUMN), text_classes(self._atlas), classes)
        # A renderer's texts are as sure as its labels: nothing is learned of real ones from them.
        checked = set(checked_labels(self._atlas)) - labels_by_construction(self._atlas)
        return said, np.array([each in checked for each in ids], bool)

    def in_storage_order(self, ids: Sequence[str]) -> list[str]:
        """The same ids, in the order in which their images stand in the atlas."""
        images = self._atlas.table("images")
        places = self._atlas.address_book(images).find(images, ids)
        return [ids[at] for at in np.argsort(np.array(places, dtype=np.uint64), kind="stable")]

    def embeddings(
        self,
        ids: Sequence[str],
        learn: LearnSettings,
        backbone: Backbone,
        progress: Progress | None = None,
    ) -> np.ndarray:
        """Embeddings of images, float32 of shape ``(N, F)``; zero where one is unreadable.

        They are taken from the atlas; what is missing there is embedded first and stays there.
        """
        column = embedding_column(learn.backbone)
        current = embedding_stamp(backbone).same_code_and_parameters(
            self._atlas.provenance_of(column)
        )
        if not self._atlas.pinned or not current:
            embed_images(self._atlas, learn=learn, backbone=backbone, progress=progress)
        return read_embeddings(self._atlas, column, ids)


def images_of_run(
    run_folder: Path, *, ours: str = "", storage_options: Mapping[str, str] | None = None
) -> TrainingSource | None:
    """The atlas or Parquet file that a run was trained from; None where it is no longer there.

    A run's folder may come from anybody: an address in it is opened only when it is that of our
    own atlas, so that nobody else's server is asked, and given our password, on its word.

    Parameters
    ----------
    run_folder : Path
        Of the run.
    ours : str
        The atlas of the settings.
    storage_options : mapping of str to str, optional
        For an atlas in an object store.

    Raises
    ------
    InputError
        There is no finished run here.
    """
    uri = str(read_run(run_folder).atlas.get("uri", ""))
    if not uri or ("://" in uri and uri.rstrip("/") != without_secrets(ours).rstrip("/")):
        return None
    try:
        if uri.endswith(".parquet"):
            return ParquetSource(Path(uri))
        # Only here: a machine that trains from a Parquet file has no Lance.
        from cosmic_morphology.atlas import Atlas

        return AtlasSource(Atlas.open(uri, storage_options=dict(storage_options or {}) or None))
    except CosmicError:
        return None


def sample_images(table: TrainingSource, labels: str, n: int, *, split: str) -> list[bytes]:
    """Thumbnails of at most ``n`` labelled images of a split, evenly from all of them.

    Parameters
    ----------
    table : TrainingSource
        The source.
    labels : str
        ``label``, or one voter.
    n : int
        How many.
    split : str
        ``train`` or ``val``.
    """
    ids = [example.id for example in table.examples(labels) if example.split == split]
    return [data for _, data in table.thumbnails(_evenly_spaced(ids, n))]


def _evenly_spaced(ids: Sequence[str], n: int) -> list[str]:
    if len(ids) <= n:
        return list(ids)
    return [ids[at] for at in np.linspace(0, len(ids) - 1, n).round().astype(int)]
