"""The answers of a model to the records of an atlas: from pixels, or from pixels and texts."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.learn.data.embedding_names import as_matrix
from cosmic_morphology.learn.data.text_probabilities import (
    COLUMN as TEXT_PROBABILITIES,
)
from cosmic_morphology.learn.data.text_probabilities import (
    in_order_of,
    text_classes,
)
from cosmic_morphology.learn.inference.prediction import Prediction, make_prediction
from cosmic_morphology.learn.inference.predictors import Predictor
from cosmic_morphology.stats.fusion import PIXELS, PIXELS_AND_TEXTS

_ANSWERS_AT_ONCE = 2048


def iter_predictions(
    atlas: Atlas,
    run: Predictor,
    *,
    where: str | None = None,
    name: str | None = None,
    reject_below: float | None = None,
    texts: bool = True,
) -> Iterator[Prediction]:
    """What ``predict_images`` has written, by id, with whom to credit for each image.

    A record whose texts name a class is answered from its pixels and its texts together
    (:class:`~cosmic_morphology.stats.fusion.Fusion`), a bare image from its pixels alone; each
    answer says which.

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
    texts : bool
        Whether the texts count, if the model knows how to weigh them.

    Examples
    --------
    >>> len(list(iter_predictions(judged, cosmic.load_model(run.path), where="split = 'test'"))) > 0
    True
    """
    column = f"probabilities_{name or run.name}"
    said = [column, "credit", "licence", TEXT_PROBABILITIES]
    fusion = run.fusion if texts else None
    own = text_classes(atlas)
    answered = f"`{column}` IS NOT NULL"
    both = f"({where}) AND {answered}" if where else answered
    for batch in atlas.batches(said, where=both, batch_size=_ANSWERS_AT_ONCE):
        seen = as_matrix(batch.column(column).combine_chunks())
        text = in_order_of(batch.column(TEXT_PROBABILITIES), own, run.classes)
        together = fusion(seen, text) if fusion else seen
        heard = ~np.isnan(text).any(axis=1) if fusion else np.zeros(len(seen), bool)
        for at, row in enumerate(batch.select(["id", "credit", "licence"]).to_pylist()):
            threshold = fusion.reject_below if fusion and heard[at] else run.reject_below
            yield make_prediction(
                row["id"],
                # Unreadable images were given no probability at all.
                together[at] if seen[at].any() else None,
                run.classes,
                reject_below=threshold if reject_below is None else reject_below,
                answered_from=PIXELS_AND_TEXTS if heard[at] else PIXELS,
                credit=row["credit"] or "",
                licence=row["licence"] or "",
            )
