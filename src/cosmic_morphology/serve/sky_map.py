"""Images by what they look like, in two dimensions: principal components of embeddings, or UMAP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.atlas import Atlas, embedding_column_for
from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.errors import UsageError
from cosmic_morphology.learn.data.embedding_names import as_matrix, directions
from cosmic_morphology.learn.data.layout import MAP_COLUMN, in_unit_square

MOST_POINTS = 100_000
LAYOUTS = ("pca", "umap")
"""How images are laid out: at once, or by ``cosmic embed --map`` before."""
COLOURS = ("label", "split", "source", "mislabel_flag")
"""What points can be coloured by; besides, where a run is wrong."""
_FITTED_ON = 20_000


@dataclass(frozen=True, slots=True, eq=False)
class SkyMap:
    """Places of images.

    Attributes
    ----------
    ids : list of str
        The images.
    places : ndarray of float32, shape ``(N, 2)``
        In [0, 1], the first component across.
    column : str
        The embeddings.
    explained : float or None
        Share of the variance that both components show; None where it is no such map.
    images : int
        Images with an embedding; more than ``N`` where only the first ones are shown.
    """

    ids: list[str]
    places: np.ndarray
    column: str
    explained: float | None
    images: int

    def inside(self, polygon: np.ndarray) -> list[str]:
        """Ids of the images in a polygon of shape ``(P, 2)``, by the even-odd rule."""
        inside = np.zeros(len(self.ids), bool)
        x, y = self.places.T
        for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0), strict=True):
            crosses = (y0 > y) != (y1 > y)
            if y0 != y1:
                inside ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
        return [self.ids[at] for at in np.flatnonzero(inside)]


def make_map(atlas: Atlas, layout: str = "pca") -> SkyMap:
    """The map of an atlas, of more than 100,000 images the first ones.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    layout : str
        One of :data:`LAYOUTS`.

    Raises
    ------
    UsageError
        No image has an embedding, or no image has been laid out.
    """
    return _laid_out(atlas) if layout == "umap" else _components_of(atlas)


def has_layout(atlas: Atlas) -> bool:
    """Whether ``cosmic embed --map`` has laid the images out."""
    return MAP_COLUMN in atlas.table("images").schema.names


def _laid_out(atlas: Atlas) -> SkyMap:
    if not has_layout(atlas):
        raise UsageError(
            "no image has been laid out by UMAP",
            where=atlas.address,
            todo="Do it: cosmic embed --map.",
        )
    ids: list[str] = []
    parts = [np.zeros((0, 2), np.float32)]
    where = f"`{MAP_COLUMN}` IS NOT NULL"
    for batch in stream(atlas, ["id", MAP_COLUMN], where, table="images"):
        if len(ids) >= MOST_POINTS:
            break
        taken = batch.slice(0, MOST_POINTS - len(ids))
        ids += taken.column("id").to_pylist()
        parts.append(as_matrix(taken.column(MAP_COLUMN)))
    # Images that came since have no place: what is said to be there is all that could have one.
    column = embedding_column_for(atlas)
    images = max(atlas.count_filled(column) if column else 0, len(ids))
    return SkyMap(ids, np.concatenate(parts), column, None, images)


def _components_of(atlas: Atlas) -> SkyMap:
    """Project the embeddings of an atlas onto their first two principal components."""
    column = embedding_column_for(atlas)
    if not column:
        raise UsageError(
            "there is no map: no image has an embedding",
            where=atlas.address,
            todo="Compute them: cosmic embed.",
        )
    ids: list[str] = []
    parts: list[np.ndarray] = []
    axes = mean = None
    explained = 0.0
    waiting: list[np.ndarray] = []
    where = f"`{column}` IS NOT NULL"
    for batch in stream(atlas, ["id", column], where, table="images"):
        if len(ids) >= MOST_POINTS:
            break
        taken = batch.slice(0, MOST_POINTS - len(ids))
        ids += taken.column("id").to_pylist()
        waiting.append(directions(as_matrix(taken.column(column))))
        if axes is None and sum(map(len, waiting)) < _FITTED_ON:
            continue
        if axes is None:
            mean, axes, explained = _components(np.concatenate(waiting))
        parts += [(each - mean) @ axes for each in waiting]
        waiting = []
    if axes is None and waiting:
        mean, axes, explained = _components(np.concatenate(waiting))
    if axes is not None:
        parts += [(each - mean) @ axes for each in waiting]
    flat = np.concatenate(parts) if parts else np.zeros((0, 2), np.float32)
    images = atlas.count("images", where)
    return SkyMap(ids, in_unit_square(flat), column, explained, images)


def colours_of(atlas: Atlas, found: SkyMap, by: str, run: str = "") -> tuple[list[str], np.ndarray]:
    """Names of the values and, for each point, which of them it has (uint8).

    Parameters
    ----------
    atlas : Atlas
        Only read.
    found : SkyMap
        The points.
    by : str
        One of :data:`COLOURS`; with ``run`` the points say where it is right.
    run : str
        A run that has predicted.

    Raises
    ------
    UsageError
        Points cannot be coloured by this.
    """
    there = set(atlas.table("catalogue").schema.names)
    said = f"prediction_{run}"
    if (run and said not in there) or (not run and by not in COLOURS):
        raise UsageError(
            "points cannot be coloured by this",
            where=run or by,
            todo=f"Give one of: {', '.join(COLOURS)}; or a run that has predicted.",
        )
    columns = ["label", said] if run else [by]
    if not set(columns) <= there:
        return ["not known"], np.zeros(len(found.ids), np.uint8)
    values: list[str] = []
    for start in range(0, len(found.ids), 10_000):
        rows = take(atlas, found.ids[start : start + 10_000], columns).to_pylist()
        values += [_right_or_wrong(*row.values()) if run else _shown(row[by]) for row in rows]
    names = sorted(set(values), key=lambda name: (name == "none", name))[:255]
    number = {name: at for at, name in enumerate(names)}
    return names, np.array([number.get(value, 0) for value in values], np.uint8)


def _right_or_wrong(label: str | None, said: str | None) -> str:
    if not label or not said:
        return "none"
    return "right" if label == said else "wrong"


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "flagged" if value else "not flagged"
    return str(value) if value else "none"


def _components(vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, float]:
    """Mean, the first two axes, and the share of the variance that they show."""
    mean = vectors.mean(0)
    spread = np.cov((vectors - mean).T.astype(np.float64), ddof=0) if len(vectors) > 1 else None
    if spread is None:
        return mean, np.eye(vectors.shape[1], 2, dtype=np.float32), 0.0
    sizes, axes = np.linalg.eigh(np.atleast_2d(spread))
    first = axes[:, ::-1][:, :2]
    # The sign of an axis is arbitrary: the largest part points up, in every run.
    first = first * np.sign(first[np.abs(first).argmax(0), range(first.shape[1])])
    share = float(sizes[::-1][:2].sum() / max(sizes.sum(), np.finfo(float).tiny))
    return mean, first.astype(np.float32), share
