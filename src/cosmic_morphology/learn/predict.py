"""A trained model on the pictures of an atlas: the columns ``prediction_…`` and its companions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, Stamp
from cosmic_morphology.learn.atlas_pictures import read_embeddings
from cosmic_morphology.learn.embedding import embedding_column, stamp_of_embedding
from cosmic_morphology.learn.model import TrainedModel

# Raise it when the same model gives other probabilities for the same picture.
_CODE = "1"
_BATCH = 128
_CHECKPOINT_ROWS = 512


@dataclass(frozen=True, slots=True)
class PredictSummary:
    """What :func:`predict_into` did.

    Attributes
    ----------
    column : str
        Where the classes are.
    filled, already_there : int
        Pictures judged now and before.
    unreadable : int
        Pictures that could not be read; they get an empty class and confidence 0.
    """

    column: str
    filled: int
    already_there: int
    unreadable: int


def predict_into(
    atlas: Atlas,
    run: TrainedModel,
    *,
    where: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> PredictSummary:
    """Write class, confidence and probabilities of the pictures that lack them.

    The columns are ``prediction_<run>`` (text), ``confidence_<run>`` (float32) and
    ``probabilities_<run>`` (float32, in the order of the run's classes, which stand in the
    column's metadata). A frozen backbone's embeddings are taken from the atlas when they are there.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    run : TrainedModel
        From :func:`load_run`.
    where : str, optional
        Which pictures, in Lance's SQL.
    progress : callable, optional
        Called with pictures done and pictures to do.
    """
    fields = [
        pa.field(f"prediction_{run.name}", pa.string()),
        pa.field(f"confidence_{run.name}", pa.float32()),
        pa.field(f"probabilities_{run.name}", pa.list_(pa.float32(), len(run.classes))),
    ]
    parameters = {"run": run.name, "classes": run.classes, "fingerprint": run.fingerprint()}
    atlas.prepare_columns(fields, Stamp("predict", parameters, code=_CODE))
    missing = f"`{fields[0].name}` IS NULL"
    todo = atlas.ids(f"({where}) AND {missing}" if where else missing)
    there = len(atlas.ids(where)) - len(todo)
    unreadable = 0
    for start in range(0, len(todo), _CHECKPOINT_ROWS):
        part = todo[start : start + _CHECKPOINT_ROWS]
        probabilities = _probabilities(atlas, run, part)
        if progress:
            progress(start + len(part), len(todo))
        unreadable += int(np.isnan(probabilities[:, 0]).sum())
        atlas.fill_columns(judged(part, probabilities, run, fields))
    return PredictSummary(fields[0].name, len(todo), there, unreadable)


def judged(
    ids: list[str], probabilities: np.ndarray, run: TrainedModel, fields: list[pa.Field]
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


def _probabilities(atlas: Atlas, run: TrainedModel, ids: list[str]) -> np.ndarray:
    if run.embedding and run.views == 1:
        column = embedding_column(run.embedding["backbone"])
        current = stamp_of_embedding(run.embedding).same_recipe(atlas.stamp_of(column))
        if current and not set(ids) - set(atlas.ids(f"`{column}` IS NOT NULL")):
            seen = read_embeddings(atlas, column, ids)
            found = run.predict_embeddings(seen)
            found[np.abs(seen).max(1) == 0] = np.nan
            return found
    batches = atlas.batches(["thumbnail"], ids=ids, batch_size=_BATCH)
    return np.concatenate([run.predict(b.column("thumbnail").to_pylist()) for b in batches])
