"""What the texts of records say of a model's classes, from the column ``text_probabilities``."""

from __future__ import annotations

import json
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas

COLUMN = "text_probabilities"


def text_classes(atlas: Atlas) -> tuple[str, ...]:
    """The classes of the column, in its order; empty where no texts were read yet."""
    stamp = atlas.provenance_of(COLUMN)
    return tuple(json.loads(stamp.get(b"parameters", b"{}")).get("classes", ())) if stamp else ()


def in_order_of(
    column: pa.ChunkedArray | pa.Array, own: Sequence[str], classes: Sequence[str]
) -> np.ndarray:
    """The column as an array in the order of a model's classes.

    Parameters
    ----------
    column : pyarrow column
        ``text_probabilities`` of N records.
    own : sequence of str
        Its classes, from :func:`text_classes`.
    classes : sequence of str
        The K classes of a model.

    Returns
    -------
    ndarray of float64, shape ``(N, K)``
        Rows sum to one; ``nan`` where the texts are silent, or do not know all of the classes.
    """
    found = np.full((len(column), len(classes)), np.nan)
    if not set(classes) <= set(own):
        return found
    places = [own.index(name) for name in classes]
    rows = column.to_pylist()
    spoken = [at for at, row in enumerate(rows) if row is not None and len(row) == len(own)]
    if spoken:
        said = np.array([rows[at] for at in spoken], float)[:, places]
        # Never zero: the label model leaves every class a chance.
        found[spoken] = said / said.sum(axis=1, keepdims=True)
    return found
