"""A trained model on the images of an atlas: the columns ``prediction_…`` and its companions."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import ColumnFunction, ColumnWork, Engine, apply
from cosmic_morphology.errors import InputError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.embedding_names import (
    as_matrix,
    embedding_column,
    read_embeddings,
    stamp_of_embedding,
)
from cosmic_morphology.learn.inference.predictors import (
    EmbeddingPredictor,
    Predictor,
    load_model,
)
from cosmic_morphology.settings import LocalSettings

# Raise it when the same model gives other probabilities for the same image.
_CODE = "1"
_BATCH = 128
_ROWS = 512
_CHECKPOINT_ROWS = 512
_ROWS_WORTH_PROCESSES = 2048
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
    place: Path | None = None,
    engine: Engine | None = None,
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
    place : Path, optional
        The run's folder, or the file, that ``run`` was loaded from: other processes load it from
        there. Without it this process does all.
    engine : Engine, optional
        Where it runs; without it on this machine.
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
    embeddings = _usable_embeddings(atlas, run)
    function = _function(run, fields, embeddings)
    work = ColumnWork(
        "predict",
        predicting if place else lambda: function,
        reads=("thumbnail", embeddings) if embeddings else ("thumbnail",),
        writes=tuple(fields),
        arguments=(place.resolve(), run.fingerprint(), fields, embeddings) if place else (),
        batch_size=_BATCH,
        task_rows=_ROWS,
        worth_processes=_ROWS_WORTH_PROCESSES,
        instead={"thumbnail": embeddings} if embeddings else {},
        count=count_unreadable,
    )
    done = apply(
        atlas,
        work,
        stamp=ColumnProvenance("predict", parameters, code=_CODE),
        engine=engine if place else Engine(local=LocalSettings(processes=1)),
        made=function,
        where=where,
        checkpoint_rows=_CHECKPOINT_ROWS,
        progress=progress,
    )
    return PredictResult(fields[0].name, done.filled, done.already_there, done.counted)


def predicting(
    place: Path, fingerprint: str, fields: list[pa.Field], embeddings: str
) -> ColumnFunction:
    """The column function for a worker, which loads the very same model.

    Raises
    ------
    InputError
        There is no such model on this machine, or another one.
    """
    run = load_model(place)
    if run.fingerprint() != fingerprint:
        raise InputError(
            "a worker finds another model here than the driver",
            where=f"{platform.node()}: {place}",
            todo="Put the same run there, in a folder that all machines see.",
        )
    return _function(run, fields, embeddings)


def count_unreadable(filled: pa.Table) -> int:
    """Images that could not be read: they have an empty class."""
    return sum(each == "" for each in filled.column(0).to_pylist())


def _function(run: Predictor, fields: list[pa.Field], embeddings: str) -> ColumnFunction:
    def columns(batch: pa.Table) -> pa.Table:
        found = np.full((batch.num_rows, len(run.classes)), np.nan, np.float32)
        known = np.zeros(batch.num_rows, bool)
        if embeddings and isinstance(run, EmbeddingPredictor):
            column = batch.column(embeddings).combine_chunks()
            known = np.asarray(column.is_valid())
            found[known] = _from_embeddings(run, as_matrix(column.drop_null()))
        others = np.flatnonzero(~known)
        if len(others):
            thumbnails = batch.column("thumbnail").take(pa.array(others)).to_pylist()
            found[others] = run.predict(thumbnails)
        return prediction_table(batch.column("id").to_pylist(), found, run, fields)

    return columns


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


def _usable_embeddings(atlas: Atlas, run: Predictor) -> str:
    """The column of embeddings as this run needs them; empty where there is none."""
    # A head that averages turned views needs to see them.
    if not isinstance(run, EmbeddingPredictor) or run.views != 1 or run.crops:
        return ""
    if not run.embedding:
        return ""
    column = embedding_column(run.embedding["backbone"])
    stamp = stamp_of_embedding(run.embedding)
    return column if stamp.same_code_and_parameters(atlas.provenance_of(column)) else ""


def _seen_before(atlas: Atlas, run: Predictor) -> frozenset[str]:
    """Ids of the images whose embedding, as this run needs it, stands in the atlas."""
    column = _usable_embeddings(atlas, run)
    if not column:
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
        found[known] = _from_embeddings(run, vectors)
    others = [row for row, each in enumerate(ids) if each not in seen_before]
    for start in range(0, len(others), _BATCH):
        rows = others[start : start + _BATCH]
        thumbnails = atlas.images([ids[row] for row in rows]).column("thumbnail").to_pylist()
        found[rows] = run.predict(thumbnails)
    return found


def _from_embeddings(run: EmbeddingPredictor, vectors: np.ndarray) -> np.ndarray:
    if vectors.shape[1] != run.n_features:
        raise InputError(
            f"its head takes {run.n_features} numbers, embeddings have {vectors.shape[1]}",
            where=str(getattr(run, "name", "")),
            todo="This run does not say truly what it was trained on: train it again.",
        )
    found = run.predict_embeddings(vectors)
    # An unreadable image has a vector of zeros.
    found[~vectors.any(axis=1)] = np.nan
    return found
