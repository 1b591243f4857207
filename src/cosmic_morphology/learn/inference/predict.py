"""A trained model on the images of an atlas: the columns ``prediction_…`` and its companions."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.embedding_names import (
    embedding_column,
    read_embeddings,
    stamp_of_embedding,
)
from cosmic_morphology.learn.inference.prediction import Prediction, make_prediction
from cosmic_morphology.learn.inference.predictors import EmbeddingPredictor, Predictor

# Raise it when the same model gives other probabilities for the same image.
_CODE = "1"
_BATCH = 128
_CHECKPOINT_ROWS = 512
_ANSWERS_AT_ONCE = 2048


@dataclass(frozen=True, slots=True, repr=False)
class PredictResult(Shown):
    """What :func:`predict_images` did.

    Attributes
    ----------
    column : str
        Where the classes are.
    filled, already_there : int
        Images predicted now and before.
    unreadable : int
        Images that could not be read; they get an empty class and confidence 0.
    """

    column: str
    filled: int
    already_there: int
    unreadable: int


def predict_images(
    atlas: Atlas,
    run: Predictor,
    *,
    where: str | None = None,
    name: str | None = None,
    progress: Progress | None = None,
) -> PredictResult:
    """Write class, confidence and probabilities of the images that lack them.

    The columns are ``prediction_<name>`` (text), ``confidence_<name>`` (float32) and
    ``probabilities_<name>`` (float32, in the order of the model's classes, which are in the
    column's metadata). What a frozen backbone saw is taken from the atlas where it is there; only
    the other images are read.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    run : Predictor
        From :func:`load_trained_model` or :func:`load_model`.
    where : str, optional
        Which images, in Lance's SQL.
    name : str, optional
        Of the columns; without it the model's.
    progress : callable, optional
        Called with images done and images to do.

    Returns
    -------
    PredictResult
        The column, and how many images were classified now and before.

    Examples
    --------
    >>> cosmic.predict_images(judged, cosmic.load_model(run.path)).already_there
    24
    >>> done = cosmic.predict_images(judged, cosmic.load_model(run.path), name="again")
    >>> done.filled, done.column
    (24, 'prediction_again')
    """
    fields = _fields(name or run.name, len(run.classes))
    parameters = {"run": run.name, "classes": run.classes, "fingerprint": run.fingerprint()}
    atlas.prepare_columns(fields, ColumnProvenance("predict", parameters, code=_CODE))
    asked = atlas.ids(where)
    done = set(atlas.ids(f"`{fields[0].name}` IS NOT NULL"))
    todo = [each for each in asked if each not in done]
    seen = _seen_before(atlas, run) if todo else frozenset()
    unreadable = 0
    for start in range(0, len(todo), _CHECKPOINT_ROWS):
        part = todo[start : start + _CHECKPOINT_ROWS]
        probabilities = _probabilities(atlas, run, part, seen)
        unreadable += int(np.isnan(probabilities[:, 0]).sum())
        atlas.fill_columns(prediction_table(part, probabilities, run, fields))
        if progress:
            progress(start + len(part), len(todo))
    atlas.tend()
    return PredictResult(fields[0].name, len(todo), len(asked) - len(todo), unreadable)


def iter_predictions(
    atlas: Atlas,
    run: Predictor,
    *,
    where: str | None = None,
    name: str | None = None,
    reject_below: float | None = None,
) -> Iterator[Prediction]:
    """What :func:`predict_images` has written, by id, with whom to credit for each image.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    run : Predictor
        Whose answers.
    where : str, optional
        Which images, in Lance's SQL.
    name : str, optional
        Of the columns; without it the model's.
    reject_below : float, optional
        Another threshold of sure answers than the model's own.

    Examples
    --------
    >>> len(list(iter_predictions(judged, cosmic.load_model(run.path), where="split = 'test'"))) > 0
    True
    """
    column = _fields(name or run.name, len(run.classes))[2].name
    said = [column, "credit", "licence"]
    ids = atlas.ids(f"({where}) AND `{column}` IS NOT NULL" if where else f"`{column}` IS NOT NULL")
    for batch in atlas.batches(said, ids=ids, batch_size=_ANSWERS_AT_ONCE):
        for row in batch.to_pylist():
            probabilities = np.array(row[column], np.float32)
            yield make_prediction(
                row["id"],
                # Unreadable images were given no probability at all.
                probabilities if probabilities.any() else None,
                run.classes,
                reject_below=run.reject_below if reject_below is None else reject_below,
                credit=row["credit"] or "",
                licence=row["licence"] or "",
            )


def predictor_for_ids(atlas: Atlas, run: Predictor) -> Callable[[Sequence[str]], np.ndarray]:
    """What a run says of images of an atlas, without writing it there.

    Returns
    -------
    callable
        Ids of N images in, probabilities out, float32 of shape ``(N, K)``; NaN where an image
        cannot be read.
    """
    seen = _seen_before(atlas, run)
    return lambda ids: _probabilities(atlas, run, list(ids), seen)


def _fields(name: str, n_classes: int) -> list[pa.Field]:
    return [
        pa.field(f"prediction_{name}", pa.string()),
        pa.field(f"confidence_{name}", pa.float32()),
        pa.field(f"probabilities_{name}", pa.list_(pa.float32(), n_classes)),
    ]


def prediction_table(
    ids: list[str], probabilities: np.ndarray, run: Predictor, fields: list[pa.Field]
) -> pa.Table:
    """The columns of a prediction; ``probabilities`` of shape ``(N, K)``, NaN where unreadable."""
    readable = ~np.isnan(probabilities[:, 0])
    sure = np.where(readable[:, None], probabilities, 0.0).astype(np.float32)
    classes = [
        run.classes[best] if good else ""
        for best, good in zip(sure.argmax(1), readable, strict=True)
    ]
    flat = pa.FixedSizeListArray.from_arrays(pa.array(sure.ravel()), len(run.classes))
    return pa.table(
        {
            "id": ids,
            fields[0].name: pa.array(classes, pa.string()),
            fields[1].name: pa.array(sure.max(1), pa.float32()),
            fields[2].name: flat,
        },
        schema=pa.schema([pa.field("id", pa.string()), *fields]),
    )


def _seen_before(atlas: Atlas, run: Predictor) -> frozenset[str]:
    """Ids of the images whose embedding, as this run needs it, is in the atlas."""
    # A head that averages turned views needs to see them.
    if not isinstance(run, EmbeddingPredictor) or run.views != 1 or run.crops:
        return frozenset()
    if not run.embedding:
        return frozenset()
    column = embedding_column(run.embedding["backbone"])
    if not stamp_of_embedding(run.embedding).same_code_and_parameters(atlas.provenance_of(column)):
        return frozenset()
    there = atlas.read(["id"], where=f"`{column}` IS NOT NULL", table="images")
    return frozenset(there.column("id").to_pylist())


def _probabilities(
    atlas: Atlas, run: Predictor, ids: list[str], seen_before: frozenset[str]
) -> np.ndarray:
    found = np.full((len(ids), len(run.classes)), np.nan, np.float32)
    known = [row for row, each in enumerate(ids) if each in seen_before]
    if known and isinstance(run, EmbeddingPredictor):
        column = embedding_column(run.embedding["backbone"])
        vectors = read_embeddings(atlas, column, [ids[row] for row in known])
        if vectors.shape[1] != run.n_features:
            raise InputError(
                f"its head takes {run.n_features} numbers, embeddings have {vectors.shape[1]}",
                where=run.name,
                todo="This run does not say truly what it was trained on: train it again.",
            )
        found[known] = run.predict_embeddings(vectors)
        # An unreadable image has a vector of zeros.
        found[np.array(known)[~vectors.any(axis=1)]] = np.nan
    others = [row for row, each in enumerate(ids) if each not in seen_before]
    for start in range(0, len(others), _BATCH):
        rows = others[start : start + _BATCH]
        thumbnails = atlas.images([ids[row] for row in rows]).column("thumbnail").to_pylist()
        found[rows] = run.predict(thumbnails)
    return found
