"""Rendered and real images of one class, laid out for the eye."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.report.gallery import Tile, tiles
from cosmic_morphology.studies.dataset import StudyDataset

_TILE_PX = 130
_NEIGHBOURS = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """A rendered image and the real ones that look most like it, with their cosines."""

    rendered: Tile
    real: tuple[tuple[Tile, float], ...]


@dataclass(frozen=True, slots=True)
class RealismGallery:
    """What the gallery shows of one class.

    Attributes
    ----------
    name : str
        The class.
    mixed : tuple of Tile
        Both kinds in a random order, for a person to tell apart.
    rendered_numbers : tuple of int
        Which of them were rendered, counted from 1.
    taken_for_real, clearly_rendered : tuple of Tile
        Rendered images that the classifier takes for real, and those it is surest of.
    pairs : tuple of Pair
        Rendered images with their nearest real neighbours.
    real_shown : tuple of Tile
        All real images of the above, for their credits.
    """

    name: str
    mixed: tuple[Tile, ...]
    rendered_numbers: tuple[int, ...]
    taken_for_real: tuple[Tile, ...]
    clearly_rendered: tuple[Tile, ...]
    pairs: tuple[Pair, ...]
    real_shown: tuple[Tile, ...]


def build_gallery(
    atlas: Atlas,
    other: Atlas,
    pool: StudyDataset,
    name: str,
    rows: np.ndarray,
    second: np.ndarray,
    likely: np.ndarray,
    *,
    gallery: int,
    pairs: int,
) -> RealismGallery:
    """Choose and lay out the images of one class.

    Parameters
    ----------
    atlas, other : Atlas
        Where real and rendered images are.
    pool : StudyDataset
        The images.
    name : str
        The class.
    rows, second, likely : ndarray, shape ``(T,)``
        Rows of the pool, 1 where rendered, and the probability of that.
    gallery, pairs : int
        Images of each kind, and rendered ones with neighbours.
    """
    drawn, real = _by_hash(pool, rows[second == 1]), _by_hash(pool, rows[second == 0])
    surest = rows[second == 1][np.argsort(-likely[second == 1], kind="stable")]
    mixed = _by_hash(pool, np.concatenate([drawn[:gallery], real[:gallery]]))
    nearest = _nearest(pool, drawn[:pairs], real)
    passing, given_away = surest[::-1][:pairs], surest[:pairs]
    neighbours = [near for _, near, _ in nearest]
    shown = _Tiles(atlas, other, pool, [mixed, passing, given_away, drawn[:pairs], *neighbours])
    return RealismGallery(
        name,
        tuple(shown(mixed)),
        tuple(at + 1 for at, row in enumerate(mixed) if pool.rendered[row]),
        tuple(shown(passing)),
        tuple(shown(given_away)),
        tuple(
            Pair(shown([row])[0], tuple(zip(shown(near), cosines, strict=True)))
            for row, near, cosines in nearest
        ),
        tuple(shown(shown.real)),
    )


class _Tiles:
    """Tiles by row, each image read once."""

    def __init__(
        self, atlas: Atlas, other: Atlas, pool: StudyDataset, parts: Sequence[np.ndarray]
    ) -> None:
        wanted = np.unique(np.concatenate([np.asarray(part, np.int64) for part in parts]))
        self._tiles: dict[int, Tile] = {}
        drawn = pool.rendered[wanted]
        self.real = wanted[~drawn]
        for place, own in ((other, wanted[drawn]), (atlas, self.real)):
            found = tiles(place, [str(pool.ids[row]) for row in own], side_px=_TILE_PX)
            self._tiles |= dict(zip(own.tolist(), found, strict=True))

    def __call__(self, rows: Sequence[int] | np.ndarray) -> list[Tile]:
        return [self._tiles[int(row)] for row in rows]


def _nearest(
    pool: StudyDataset, drawn: np.ndarray, real: np.ndarray
) -> list[tuple[int, np.ndarray, list[float]]]:
    def unit(rows: np.ndarray) -> np.ndarray:
        vectors = pool.vectors[rows]
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))

    if not len(drawn):
        return []
    cosine = unit(drawn) @ unit(real).T
    best = np.argsort(-cosine, axis=1, kind="stable")[:, :_NEIGHBOURS]
    return [
        (int(row), real[best[at]], [float(cosine[at, near]) for near in best[at]])
        for at, row in enumerate(drawn)
    ]


def _by_hash(pool: StudyDataset, rows: np.ndarray) -> np.ndarray:
    """Always the same order, and none that tells anything."""
    order = sorted(rows, key=lambda row: hashlib.sha256(str(pool.ids[row]).encode()).digest())
    return np.array(order, np.int64)
