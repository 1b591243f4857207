"""Images laid out in two dimensions by UMAP, so that look-alikes stand together: ``map_umap``.

Method: McInnes, Healy & Melville 2018, by the library umap-learn. Principal components, which the
map shows without it, keep distances; UMAP keeps who is whose neighbour, and its distances between
groups mean little.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance, content_hash, embedding_column_for
from cosmic_morphology.atlas.query import stream
from cosmic_morphology.display import Shown
from cosmic_morphology.errors import UsageError
from cosmic_morphology.extras import needs
from cosmic_morphology.learn.data.embedding_names import as_matrix, directions

MAP_COLUMN = "map_umap"
"""Places of images, two numbers in [0, 1]."""
_STAGE, _CODE = "map", "1"
# Neighbours that stand together, and how close they may: the library's defaults.
_NEIGHBOURS, _MIN_DIST = 15, 0.1
_FEWEST = 10
# Fitted on so many; the others are put among them. More take hours.
_FITTED_ON = 50_000


@dataclass(frozen=True, slots=True, repr=False)
class LayoutResult(Shown):
    """What :func:`lay_out` did.

    Attributes
    ----------
    column : str
        Where the places are.
    embeddings : str
        The column of embeddings that they are of.
    filled, already_there : int
        Images that got a place now, or had the very same before.
    """

    column: str
    embeddings: str
    filled: int
    already_there: int


def lay_out(atlas: Atlas, *, seed: int) -> LayoutResult:
    """Fill ``map_umap`` of all images that have an embedding; nothing is done where it is of them.

    Parameters
    ----------
    atlas : Atlas
        Its embeddings are read. They are compared by their angle.
    seed : int
        Of the layout, which is the same then on one machine.

    Raises
    ------
    UsageError
        Fewer than 10 images have an embedding.
    MissingExtraError
        umap-learn is not installed.
    """
    column = embedding_column_for(atlas)
    embedded = atlas.count_filled(column) if column else 0
    if embedded < _FEWEST:
        raise UsageError(
            f"{embedded} images have an embedding; a map by UMAP takes {_FEWEST}",
            where=atlas.address,
            todo="Compute them: cosmic embed." if not embedded else "Add more images.",
        )
    with needs("A map by UMAP"):
        import umap
    batches = list(stream(atlas, ["id", column], f"`{column}` IS NOT NULL", table="images"))
    order = sorted((id_, at) for at, id_ in enumerate(_ids(batches)))
    vectors = np.concatenate([directions(as_matrix(each.column(column))) for each in batches])
    vectors = vectors[[at for _, at in order]]
    ids = [id_ for id_, _ in order]
    stamp = ColumnProvenance(
        _STAGE,
        {
            "embeddings": column, "neighbours": _NEIGHBOURS, "min_dist": _MIN_DIST, "seed": seed,
            "umap": umap.__version__,
        },
        _CODE,
        inputs=content_hash(ids, hashlib.sha256(vectors.data).hexdigest()),
    )  # fmt: skip
    schema = atlas.table("images").schema
    if MAP_COLUMN in schema.names and stamp.is_current(schema.field(MAP_COLUMN).metadata):
        return LayoutResult(MAP_COLUMN, column, 0, embedded)
    flat = pa.array(_places(umap, vectors, seed).ravel())
    places = pa.FixedSizeListArray.from_arrays(flat, 2)
    atlas.replace_columns(pa.table({"id": ids, MAP_COLUMN: places}), stamp)
    return LayoutResult(MAP_COLUMN, column, embedded, 0)


def in_unit_square(flat: np.ndarray) -> np.ndarray:
    """Places moved and stretched to [0, 1] along each axis, float32.

    Examples
    --------
    >>> in_unit_square(np.array([[1.0, 5.0], [3.0, 5.0]])).tolist()
    [[0.0, 0.0], [1.0, 0.0]]
    """
    if not len(flat):
        return flat.astype(np.float32)
    low, high = flat.min(0), flat.max(0)
    scaled: np.ndarray = ((flat - low) / np.maximum(high - low, 1e-12)).astype(np.float32)
    return scaled


def _ids(batches: list[pa.RecordBatch]) -> list[str]:
    return [id_ for batch in batches for id_ in batch.column("id").to_pylist()]


def _places(umap: Any, vectors: np.ndarray, seed: int) -> np.ndarray:
    method = umap.UMAP(
        n_components=2,
        n_neighbors=min(_NEIGHBOURS, len(vectors) - 1),
        min_dist=_MIN_DIST,
        random_state=seed,
        # With a seed the library runs on one thread anyway, and warns where it is not told so.
        n_jobs=1,
    )
    if len(vectors) <= _FITTED_ON:
        return in_unit_square(np.asarray(method.fit_transform(vectors)))
    drawn = np.random.default_rng(seed).choice(len(vectors), _FITTED_ON, replace=False)
    found = np.zeros((len(vectors), 2), np.float32)
    found[drawn] = method.fit_transform(vectors[drawn])
    others = np.setdiff1d(np.arange(len(vectors)), drawn)
    found[others] = method.transform(vectors[others])
    return in_unit_square(found)
