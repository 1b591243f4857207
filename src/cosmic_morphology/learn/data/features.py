"""Inputs of training: embeddings for a head, decoded images for anything deeper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.dataset import TrainingSource
from cosmic_morphology.learn.models.backbones import Backbone
from cosmic_morphology.settings import LearnSettings

_FEATURE_BATCH = 64


@dataclass(slots=True)
class Features:
    """What a frozen backbone sees.

    Attributes
    ----------
    vectors : ndarray of float32, shape ``(N, F)``
        In the order of ``ids``; of several views float16, shape ``(N, V, F)``.
    ids : list of str
        The images that could be read.
    unreadable : dict of str to str
        The others, with why.
    """

    vectors: np.ndarray
    ids: list[str]
    unreadable: dict[str, str] = field(default_factory=dict)


def features_of(
    table: TrainingSource,
    ids: Sequence[str],
    backbone: Backbone,
    learn: LearnSettings,
    progress: Progress | None = None,
) -> Features:
    """Embeddings of images: from the source's own column where it has one, or made now."""
    kept = getattr(table, "embeddings", None)
    if kept is not None:
        vectors = kept(ids, learn, backbone, progress)
        seen = vectors.any(axis=1)
        return Features(
            vectors[seen],
            [each for each, good in zip(ids, seen, strict=True) if good],
            {
                each: "the image could not be embedded"
                for each, good in zip(ids, seen, strict=True)
                if not good
            },
        )
    return _made_now(table, ids, backbone, learn, progress)


def _made_now(
    table: TrainingSource,
    ids: Sequence[str],
    backbone: Backbone,
    learn: LearnSettings,
    progress: Progress | None,
) -> Features:
    from cosmic_morphology.learn.data.embedder import Embedder

    see = Embedder(backbone, learn)
    found = Features(np.zeros((0, backbone.n_features), np.float32), [])
    parts: list[np.ndarray] = []
    source = iter(table.thumbnails(ids))
    while items := [item for _, item in zip(range(_FEATURE_BATCH), source, strict=False)]:
        vectors, readable = see([thumbnail for _, thumbnail in items])
        parts.append(vectors[readable])
        for (each, _), good in zip(items, readable, strict=True):
            if good:
                found.ids.append(each)
            else:
                found.unreadable[each] = "the image could not be read"
        if progress:
            progress(len(found.ids) + len(found.unreadable), len(ids))
    if parts:
        found.vectors = np.concatenate(parts)
    return found
