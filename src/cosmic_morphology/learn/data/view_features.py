"""Features of several views of each image: turned ones to average, changed ones to learn from."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from cosmic_morphology.io_utils import Progress, whole_file
from cosmic_morphology.learn.data.augment import apply_params, sample_params
from cosmic_morphology.learn.data.dataset import TrainingSource
from cosmic_morphology.learn.data.embedder import FrozenBackbone
from cosmic_morphology.learn.data.features import Features
from cosmic_morphology.learn.data.pixel_cache import (
    ROOM_TO_ZOOM,
    decode_all,
    fits_in_memory,
    space_for,
)
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.learn.models.tta import tta_views
from cosmic_morphology.learn.recipes import Augmentation
from cosmic_morphology.settings import LearnSettings

# What float16 can hold.
_LARGEST = 6e4


def features_of_views(
    table: TrainingSource,
    ids: Sequence[str],
    backbone: Backbone,
    learn: LearnSettings,
    *,
    n_views: int,
    crops: int = 0,
    augment: Augmentation | None = None,
    seed: int = 0,
    keep: Path | None = None,
    progress: Progress | None = None,
) -> Features:
    """What a frozen backbone sees in ``n_views`` views of each image.

    Parameters
    ----------
    table, ids, backbone, learn
        As :func:`~cosmic_morphology.learn.data.features.features_of` has them.
    n_views : int
        Views of each image. The first is the image as it is.
    crops : int
        Enlarged parts beside them, where nothing is changed at random.
    augment : Augmentation, optional
        The other views are changed at random; without it they are turned and mirrored.
    seed : int
        Of the changes.
    keep : Path, optional
        A file to keep them in, unless they are large: a run that was killed and resumes does
        not look again.
    progress : callable, optional
        Called with images done and images in all.
    """
    kept = _kept(keep, (n_views + crops, backbone.n_features)) if keep else None
    if kept is not None:
        return kept
    size = backbone.preprocessing.size_px
    cache = decode_all(
        table,
        ids,
        backbone.preprocessing,
        side_px=size if augment is None else round(size * ROOM_TO_ZOOM),
        workers=learn.workers,
    )
    look = _ViewEmbedder(backbone, learn, n_views, crops, augment, seed)
    shape = (len(cache.ids), n_views + crops, backbone.n_features)
    vectors = space_for(shape, np.float16)
    for start in range(0, len(cache.ids), look.batch):
        seen = look(cache.pixels[start : start + look.batch], start)
        vectors[start : start + len(seen)] = seen
        if progress:
            progress(start + len(seen), len(ids))
    if keep is not None and fits_in_memory(shape, np.float16):
        bad = cache.unreadable
        with whole_file(keep) as beside:
            np.savez(beside, vectors=vectors, ids=cache.ids, bad=[*bad], why=[*bad.values()])
    return Features(vectors, cache.ids, cache.unreadable)


def _kept(file: Path, shape: tuple[int, int]) -> Features | None:
    """What an earlier start of the run has seen; None where it is not there, or damaged."""
    if not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as found:
            vectors, ids = found["vectors"], found["ids"].tolist()
            bad = dict(zip(found["bad"].tolist(), found["why"].tolist(), strict=True))
    except (OSError, ValueError, KeyError, EOFError, zlib.error, zipfile.BadZipFile):
        return None  # it is looked at again, which costs time only
    fits = vectors.shape == (len(ids), *shape) and vectors.dtype == np.float16
    return Features(vectors, ids, bad) if fits else None


class _ViewEmbedder:
    def __init__(
        self,
        backbone: Backbone,
        learn: LearnSettings,
        n_views: int,
        crops: int,
        augment: Augmentation | None,
        seed: int,
    ) -> None:
        self._see = FrozenBackbone(backbone, learn)
        self._size_px = backbone.preprocessing.size_px
        self._n_views, self._crops, self._augment, self._seed = n_views, crops, augment, seed
        self.batch = self._see.batch

    def __call__(self, pixels: np.ndarray, start: int) -> np.ndarray:
        batch = torch.from_numpy(pixels).to(self._see.device).permute(0, 3, 1, 2).float() / 255
        if self._augment is None:
            views = tta_views(batch, self._n_views, self._crops)
        else:
            views = [self._changed(batch, view, start) for view in range(self._n_views)]
        seen = [self._see(view) for view in views]
        return np.stack(seen, 1).clip(-_LARGEST, _LARGEST).astype(np.float16)

    def _changed(self, pixels: torch.Tensor, view: int, start: int) -> torch.Tensor:
        wanted = (self._augment if view else None) or Augmentation()
        source = torch.Generator().manual_seed((self._seed * 1009 + view) * 1_000_003 + start)
        return apply_params(pixels, sample_params(wanted, len(pixels), source), self._size_px)
