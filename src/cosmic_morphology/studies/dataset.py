"""The images of a study, as arrays: what is real, what was rendered, and who may be tested."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from cosmic_morphology.atlas import Atlas, content_hash
from cosmic_morphology.curate.groups.lineage import is_rendered
from cosmic_morphology.errors import LeakError, UsageError
from cosmic_morphology.evaluate.neighbours import embedding_for
from cosmic_morphology.evaluate.truth import GroundTruth, ground_truths
from cosmic_morphology.learn.data.embedding_names import embedding_column, read_embeddings
from cosmic_morphology.stats.metrics import encode
from cosmic_morphology.stats.score import COMPUTED, LABEL_KINDS

_COLUMNS = (
    "id", "source", "collection", "lineage", "given_label", "label", "label_kind",
    "label_confidence", "group", "split", "votes",
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class StudyDataset:
    """N images with embeddings.

    Attributes
    ----------
    classes : tuple of str
        K names.
    ids, groups, sources : ndarray of str, shape ``(N,)``
    vectors : ndarray of float32, shape ``(N, D)``
        What the frozen backbone sees.
    y_true : ndarray of int64, shape ``(N,)``
        Number of the class that scores count as right; K where there is none.
    y_train : ndarray of int64, shape ``(N,)``
        Number of the class that is trained on.
    weights : ndarray of float64, shape ``(N,)``
        How sure that is, in (0, 1].
    kinds : ndarray of str, shape ``(N,)``
        Where ``y_true`` is from: ``checked``, ``rendered`` or ``computed``.
    splits : ndarray of str, shape ``(N,)``
        ``train``, ``val``, ``test``, ``none`` or empty.
    rendered : ndarray of bool, shape ``(N,)``
        Drawn by a renderer, wholly or in part: never in a val or test part.
    parents : tuple of tuple of str
        What each image was made from, if anything.
    column : str
        Of the embeddings.
    """

    classes: tuple[str, ...]
    ids: np.ndarray
    groups: np.ndarray
    sources: np.ndarray
    vectors: np.ndarray
    y_true: np.ndarray
    y_train: np.ndarray
    weights: np.ndarray
    kinds: np.ndarray
    splits: np.ndarray
    rendered: np.ndarray
    parents: tuple[tuple[str, ...], ...]
    column: str

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def key(self) -> str:
        """Hash of everything that a cell can depend on."""
        heavy = hashlib.sha256(np.ascontiguousarray(self.vectors).tobytes()).hexdigest()
        return content_hash(
            self.classes, self.ids.tolist(), self.groups.tolist(), self.y_true.tolist(),
            self.y_train.tolist(), self.weights.round(4).tolist(), self.kinds.tolist(),
            self.splits.tolist(), self.rendered.tolist(), self.parents, heavy,
        )  # fmt: skip

    def real(self, split: str) -> np.ndarray:
        """Rows of real images of a split that can be learned from (or, for test, scored)."""
        known = self.y_true if split == "test" else self.y_train
        rows = np.flatnonzero((self.splits == split) & ~self.rendered & (known < len(self.classes)))
        if split == "test" and len(rows):
            # The best known kind alone, as an evaluation scores it.
            best = min(self.kinds[rows].tolist(), key=LABEL_KINDS.index)
            rows = rows[self.kinds[rows] == best]
        return rows

    def rendered_rows(self) -> np.ndarray:
        """Rows of rendered images to train on: no parent of theirs, no group, is outside train."""
        held = ~self.rendered & (self.splits != "train")
        outside = set(self.ids[held].tolist())
        held_groups = set(self.groups[held].tolist())
        known = self.rendered & (self.y_true < len(self.classes))
        found = [
            row
            for row in np.flatnonzero(known & np.isin(self.splits, ("train", "")))
            if self.groups[row] not in held_groups and not outside & set(self.parents[row])
        ]
        return np.array(found, np.int64)

    def kind_of(self, rows: np.ndarray) -> str:
        """What the labels of these images are: checked only when all of them are."""
        return max(self.kinds[rows].tolist(), key=LABEL_KINDS.index, default=COMPUTED)

    def assert_real(self, rows: np.ndarray) -> None:
        """Refuse rendered images among those that are to be tested or validated on.

        Raises
        ------
        LeakError
            There is one.
        """
        drawn = rows[self.rendered[rows]]
        if len(drawn):
            raise LeakError(
                f"{len(drawn)} rendered images stand where a model is tested or tuned",
                where=str(self.ids[drawn[0]]),
                todo="Split again with `cosmic split --redo`: rendered images are for training.",
            )


def read_pool(
    atlas: Atlas,
    *,
    classes: Sequence[str],
    backbone: str = "",
    labels: str = "label",
    rendered: Atlas | None = None,
) -> StudyDataset:
    """Read everything a study needs; nothing is written.

    Parameters
    ----------
    atlas : Atlas
        With embeddings, groups and a split.
    classes : sequence of str
        That are learned.
    backbone : str
        Whose embeddings; empty: the first there are.
    labels : str
        Trained on: ``label``, or the name of a voter. Scores always use what
        :mod:`cosmic_morphology.evaluate.truth` says.
    rendered : Atlas, optional
        Another atlas whose rendered images are taken in, with the same embeddings.

    Raises
    ------
    UsageError
        Embeddings or the split are missing, or those of the two atlases differ.
    LeakError
        A rendered image is in the test or val split.
    """
    column = _column(atlas, backbone)
    rows = _rows(atlas, column)
    vectors = read_embeddings(atlas, column, [row["id"] for row in rows])
    if rendered is not None:
        more = [row for row in _rows(rendered, _same(atlas, rendered, column)) if is_rendered(row)]
        there = {row["id"] for row in rows}
        more = [{**row, "split": "train"} for row in more if row["id"] not in there]
        rows = [*rows, *more]
        seen = read_embeddings(rendered, column, [row["id"] for row in more])
        vectors = np.concatenate([vectors, seen]) if more else vectors
    readable = np.abs(vectors).max(1, initial=0) > 0
    rows = [row for row, good in zip(rows, readable, strict=True) if good]
    truths = ground_truths(atlas, rows)
    pool = _arrays(rows, truths, vectors[readable], tuple(classes), labels, column)
    pool.assert_real(np.flatnonzero(np.isin(pool.splits, ("val", "test"))))
    return pool


def read_images(atlas: Atlas, *, classes: Sequence[str], labels: str = "label") -> StudyDataset:
    """The same without embeddings, for a study that looks at the images itself.

    Returns
    -------
    StudyDataset
        ``vectors`` has the shape ``(N, 0)``, ``column`` is empty.

    Raises
    ------
    UsageError
        The images are not split yet.
    LeakError
        A rendered image is in the test or val split.
    """
    atlas.need_images()
    _need_split(atlas)
    there = atlas.columns()
    columns = [name for name in _COLUMNS if name in there]
    found = atlas.read(columns, with_image=True).sort_by("id").to_pylist()
    rows = [{**dict.fromkeys(_COLUMNS), **row} for row in found]
    nothing = np.zeros((len(rows), 0), np.float32)
    pool = _arrays(rows, ground_truths(atlas, rows), nothing, tuple(classes), labels, "")
    pool.assert_real(np.flatnonzero(np.isin(pool.splits, ("val", "test"))))
    return pool


def _need_split(atlas: Atlas) -> None:
    if "split" not in atlas.columns():
        raise UsageError("the images are not split yet", where=atlas.uri, todo="`cosmic split`.")


def _column(atlas: Atlas, backbone: str) -> str:
    atlas.need_images()
    column = embedding_for(atlas, backbone)
    if not column or (backbone and column != embedding_column(backbone)):
        raise UsageError(
            f"there are no embeddings{f' of {backbone}' if backbone else ''} in this atlas",
            where=atlas.uri,
            todo="Run `cosmic embed` first.",
        )
    _need_split(atlas)
    return column


def _same(atlas: Atlas, rendered: Atlas, column: str) -> str:
    mine, theirs = atlas.provenance_of(column), rendered.provenance_of(column)
    if any(mine.get(part) != theirs.get(part) for part in (b"parameters", b"code")):
        raise UsageError(
            f"{column} is missing there or made otherwise than in {atlas.uri}",
            where=rendered.uri,
            todo="Run `cosmic embed` on both with the same backbone, weights and input.",
        )
    return column


def _rows(atlas: Atlas, column: str) -> list[dict[str, Any]]:
    there = atlas.columns()
    columns = [name for name in _COLUMNS if name in there]
    embedded = atlas.read(["id"], where=f"`{column}` IS NOT NULL", table="images")
    images = set(embedded.column("id").to_pylist())
    found = atlas.read(columns).sort_by("id").to_pylist()
    blank = dict.fromkeys(_COLUMNS)
    return [{**blank, **row} for row in found if row["id"] in images]


def _arrays(
    rows: Sequence[Mapping[str, Any]],
    truths: Sequence[GroundTruth],
    vectors: np.ndarray,
    classes: tuple[str, ...],
    labels: str,
    column: str,
) -> StudyDataset:
    drawn = np.array([is_rendered(row) for row in rows], bool)
    # Who drew an image knows what it shows; nobody has to vote on it.
    right = [
        row["given_label"] if is_drawn else truth.label
        for row, truth, is_drawn in zip(rows, truths, drawn, strict=True)
    ]
    train_labels = [
        row["given_label"]
        if is_drawn
        else row["label"]
        if labels == "label"
        else _vote(row, labels)
        for row, is_drawn in zip(rows, drawn, strict=True)
    ]
    sure = [
        1.0 if is_drawn or row["label_confidence"] is None else row["label_confidence"]
        for row, is_drawn in zip(rows, drawn, strict=True)
    ]
    texts = {
        name: np.array([row[name] or "" for row in rows], object)
        for name in ("source", "collection", "split")
    }
    return StudyDataset(
        classes=classes,
        ids=np.array([row["id"] for row in rows], object),
        groups=np.array([row["group"] or row["id"] for row in rows], object),
        sources=np.array(
            [
                f"{a}/{b}" if b else a
                for a, b in zip(texts["source"], texts["collection"], strict=True)
            ],
            object,
        ),
        vectors=vectors,
        y_true=encode(right, classes),
        y_train=encode(train_labels, classes),
        weights=np.clip(np.array(sure, float), 0.05, 1.0),
        kinds=np.array([truth.kind for truth in truths], object),
        splits=texts["split"],
        rendered=drawn,
        parents=tuple(tuple(row["lineage"] or ()) for row in rows),
        column=column,
    )


def _vote(row: Mapping[str, Any], voter: str) -> str | None:
    mine = [vote for vote in row["votes"] or () if vote["voter"] == voter]
    return max(mine, key=lambda vote: vote["weight"] or 0.0)["label"] if mine else None
