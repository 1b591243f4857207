"""Images that look like others, by a column of embeddings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas.query.columns import open_table
from cosmic_morphology.errors import UsageError

if TYPE_CHECKING:
    from cosmic_morphology.atlas.interface.tables import AtlasTables

_MOST = 10_000


def nearest(
    atlas: AtlasTables, column: str, vectors: np.ndarray, *, limit: int = 100
) -> list[tuple[str, float]]:
    """Ids of the images whose embeddings are nearest to the mean direction of some vectors.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    column : str
        A column of embeddings of the images.
    vectors : ndarray, shape ``(N, F)``
        Each counts alike, whatever its length is.
    limit : int
        Images at most, from 1 to 10,000.

    Returns
    -------
    list of (str, float)
        Ids and the cosine of the angle, the nearest first.

    Raises
    ------
    UsageError
        There is no such column, or the vectors have another length.

    Examples
    --------
    >>> column = "embedding_mobilenetv3_small_075"
    >>> row = judged.read(["id", column], table="images").slice(0, 1)
    >>> vector = np.array(row.column(column).to_pylist(), np.float32)
    >>> nearest(judged, column, vector, limit=1)[0][0] == row.column("id")[0].as_py()
    True
    """
    table = open_table(atlas, "images")
    if column not in table.schema.names:
        raise UsageError(
            f"no image has an embedding {column!r}",
            where=atlas.address,
            todo="Compute them: cosmic embed.",
        )
    width = table.schema.field(column).type.list_size
    wanted = np.atleast_2d(np.asarray(vectors, np.float32))
    if wanted.shape[1] != width or not 1 <= limit <= _MOST:
        raise UsageError(
            f"{wanted.shape[1]} numbers and at most {limit} images were asked for",
            where=column,
            todo=f"Embeddings here have {width} numbers; ask for 1 to {_MOST} images.",
        )
    lengths = np.linalg.norm(wanted, axis=1, keepdims=True)
    middle = (wanted / np.maximum(lengths, np.finfo(np.float32).tiny)).mean(0)
    kind = table.schema.field(column).type.value_type
    query = pa.array(middle.astype(kind.to_pandas_dtype()), kind)
    found = table.to_table(
        ["id", "_distance"],
        f"`{column}` IS NOT NULL",
        nearest={"column": column, "q": query, "k": limit, "metric": "cosine"},
        prefilter=True,
    ).sort_by([("_distance", "ascending"), ("id", "ascending")])
    ids, far = found.column("id").to_pylist(), found.column("_distance").to_numpy()
    return [(id_, 1.0 - float(each)) for id_, each in zip(ids, far, strict=True)]
