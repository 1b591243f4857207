"""What a frozen backbone sees in every image: the column ``embedding_<backbone>``."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance, apply
from cosmic_morphology.display import Shown
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.learn.data.embedder import Embedder
from cosmic_morphology.learn.data.embedding_names import embedding_column, stamp_of_embedding
from cosmic_morphology.learn.models.backbones import Backbone, build_backbone
from cosmic_morphology.learn.models.presets import with_preset
from cosmic_morphology.settings import LearnSettings


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
    progress: Progress | None = None,
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
    progress : callable, optional
        Called with images done and images to do.

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
    backbone = backbone or build_backbone(learn)
    see = Embedder(backbone, learn)
    column = embedding_column(learn.backbone)
    field = pa.field(column, pa.list_(pa.float16(), backbone.n_features))
    unreadable = 0

    def columns(batch: pa.Table) -> pa.Table:
        nonlocal unreadable
        vectors, readable = see(batch.column("thumbnail").to_pylist())
        unreadable += int((~readable).sum())
        flat = pa.array(vectors.astype(np.float16).ravel())
        filled = pa.FixedSizeListArray.from_arrays(flat, backbone.n_features)
        return pa.table({column: filled}, schema=pa.schema([field]))

    done = apply(
        atlas,
        columns,
        reads=["thumbnail"],
        writes=[field],
        stamp=embedding_stamp(backbone),
        batch_size=64,
        checkpoint_rows=1024,
        progress=progress,
    )
    return EmbedResult(column, done.filled, done.already_there, unreadable, backbone.weights_id)


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
