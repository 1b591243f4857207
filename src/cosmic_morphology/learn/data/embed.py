"""What a frozen backbone sees in every image: ``embedding_<backbone>``, ``levels_<backbone>``."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import ColumnFunction, ColumnWork, Engine, apply
from cosmic_morphology.errors import TrainingError
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.embedder import Embedder
from cosmic_morphology.learn.data.embedding_names import (
    embedding_column,
    levels_column,
    stamp_of_embedding,
)
from cosmic_morphology.learn.models.backbones import Backbone, build_backbone
from cosmic_morphology.learn.models.devices import device_for
from cosmic_morphology.learn.models.presets import with_preset
from cosmic_morphology.settings import LearnSettings

# What float16 can hold.
_LARGEST = 6e4


@dataclass(frozen=True, slots=True, repr=False)
class EmbedResult(Shown):
    """What :func:`embed_images` did.

    Attributes
    ----------
    column : str
        Where the embeddings are.
    filled, already_there : int
        Images embedded now and before.
    unreadable : int
        Images that could not be read: their embedding is zero.
    weights : str
        Which weights the backbone has.
    """

    column: str
    filled: int
    already_there: int
    unreadable: int
    weights: str


def embed_images(
    atlas: Atlas,
    *,
    learn: LearnSettings,
    backbone: Backbone | None = None,
    levels: bool = False,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> EmbedResult:
    """Fill ``embedding_<backbone>`` (float16, fixed-size list) for the images that lack it.

    Parameters
    ----------
    atlas : Atlas
        Its thumbnails are read.
    learn : LearnSettings
        The backbone, its weights and its input; when they change, all rows are done again.
    backbone : Backbone, optional
        The same, already built.
    levels : bool
        Fill ``levels_<backbone>`` instead: what its middle stages see, too. Look-alikes and doubt
        learned from verdicts are better with it; nothing else reads it.
    progress : callable, optional
        Called with images done and images to do.
    engine : Engine, optional
        Where it runs; without it on this machine.

    Returns
    -------
    EmbedResult
        The column, and how many images were embedded now and before.

    Examples
    --------
    >>> cosmic.embed_images(atlas, learn=learn).filled
    24
    >>> cosmic.embed_images(atlas, learn=learn).already_there
    24
    """
    learn = with_preset(learn)
    backbone = backbone or build_backbone(learn, levels=levels)
    stamp = embedding_stamp(backbone)
    done = apply(
        atlas,
        ColumnWork(
            "embed",
            embedding_function,
            reads=("thumbnail",),
            writes=(_field(learn, backbone, levels=levels),),
            # The threads of a worker are those that its engine gives it.
            arguments=(learn.model_copy(update={"threads": None}), stamp.metadata(), levels),
            is_alone=device_for(learn).type != "cpu",
            batch_size=64,
            task_rows=512,
            worth_processes=2048,
            count=count_unreadable,
        ),
        made=_function(learn, backbone, levels=levels),
        stamp=stamp,
        checkpoint_rows=1024,
        progress=progress,
        engine=engine,
    )
    column = _field(learn, backbone, levels=levels).name
    return EmbedResult(column, done.filled, done.already_there, done.counted, backbone.weights_id)


def embedding_function(
    learn: LearnSettings,
    stamp: Mapping[str, str],
    levels: bool = False,
) -> ColumnFunction:
    """The column function for a worker, which has to have the very same backbone.

    Raises
    ------
    TrainingError
        The weights of this machine are others than those of the driver.
    """
    backbone = build_backbone(learn, levels=levels)
    if embedding_stamp(backbone).metadata() != stamp:
        raise TrainingError(
            f"a worker has other weights or another version of {backbone.name!r} than the driver",
            where=f"{platform.node()}: {backbone.weights_id}",
            todo="Install the same versions and give it the same weights file on every machine.",
        )
    return _function(learn, backbone, levels=levels)


def count_unreadable(filled: pa.Table) -> int:
    """Images that could not be read: their embedding is zero."""
    column = filled.column(0).combine_chunks()
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), -1)
    return int((~vectors.any(axis=1)).sum())


def _function(learn: LearnSettings, backbone: Backbone, *, levels: bool) -> ColumnFunction:
    see, field = Embedder(backbone, learn), _field(learn, backbone, levels=levels)

    def columns(batch: pa.Table) -> pa.Table:
        vectors, _ = see(batch.column("thumbnail").to_pylist())
        flat = pa.array(vectors.clip(-_LARGEST, _LARGEST).astype(np.float16).ravel())
        filled = pa.FixedSizeListArray.from_arrays(flat, backbone.n_features)
        return pa.table({field.name: filled}, schema=pa.schema([field]))

    return columns


def _field(learn: LearnSettings, backbone: Backbone, *, levels: bool) -> pa.Field:
    name = levels_column if levels else embedding_column
    return pa.field(name(learn.backbone), pa.list_(pa.float16(), backbone.n_features))


def embedding_stamp(backbone: Backbone) -> ColumnProvenance:
    """Everything that an embedding depends on."""
    return stamp_of_embedding(
        {
            "backbone": backbone.name,
            "arguments": backbone.arguments,
            "weights": backbone.weights_id,
            "preprocessing": asdict(backbone.preprocessing),
        }
    )
