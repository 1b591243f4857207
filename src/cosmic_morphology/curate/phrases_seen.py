"""Images found by a phrase: ``text_image``, what a text-image model sees in each of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pyarrow as pa

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.atlas.query import nearest
from cosmic_morphology.curate.text_image import TextImageModel, hash_of_weights, image_of
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import ColumnFunction, ColumnWork, Engine, apply
from cosmic_morphology.errors import UsageError
from cosmic_morphology.io_utils import Progress

COLUMN = "text_image"
_STAGE, _CODE = "phrases", "1"
_SETTING = "curate.votes.zero_shot_model"
_TODO = "Have them looked at: cosmic embed --for-phrases."


@dataclass(frozen=True, slots=True, repr=False)
class SeenResult(Shown):
    """What :func:`see_for_phrases` did: the model, and images that it saw now and before."""

    model: str
    filled: int
    already_there: int


def see_for_phrases(
    atlas: Atlas,
    model: str,
    *,
    progress: Progress | None = None,
    engine: Engine | None = None,
) -> SeenResult:
    """Fill the column ``text_image`` (float16, fixed-size list) of the images that lack it.

    Parameters
    ----------
    atlas : Atlas
        Its thumbnails are read.
    model : str
        ``hf-hub:OWNER/MODEL`` or ``local-dir:FOLDER``.
    progress : callable, optional
        Called with rows done and rows in all.
    engine : Engine, optional
        Where it runs; without it on this machine.

    Raises
    ------
    UsageError
        No model is named.
    InputError, MissingExtraError, TrainingError
        As :class:`~cosmic_morphology.curate.text_image.TextImageModel` does.
    """
    if not model:
        raise UsageError(
            "the settings name no text-image model",
            where=_SETTING,
            todo="Name one, such as hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K.",
        )
    width = _loaded(model, hash_of_weights(model)).read(["sky"]).shape[1]
    done = apply(
        atlas,
        ColumnWork(
            _STAGE,
            seen_function,
            reads=("thumbnail",),
            writes=(_field(width),),
            arguments=(model, width),
            batch_size=32,
            task_rows=256,
            worth_processes=1024,
        ),
        made=seen_function(model, width),
        stamp=_stamp(model),
        checkpoint_rows=512,
        progress=progress,
        engine=engine,
    )
    return SeenResult(model, done.filled, done.already_there)


def seen_function(model: str, width: int) -> ColumnFunction:
    """The column function of a model whose directions have ``width`` numbers."""
    loaded = _loaded(model, hash_of_weights(model))

    def columns(batch: pa.Table) -> pa.Table:
        # What cannot be read is nobody's look-alike.
        seen = np.zeros((batch.num_rows, width), np.float16)
        images = [image_of(each) for each in batch.column("thumbnail").to_pylist()]
        rows = [row for row, image in enumerate(images) if image is not None]
        if rows:
            seen[rows] = loaded.see([image for image in images if image is not None])
        filled = pa.FixedSizeListArray.from_arrays(pa.array(seen.ravel()), width)
        return pa.table({COLUMN: filled}, schema=pa.schema([_field(width)]))

    return columns


def find_by_phrase(
    atlas: Atlas, phrase: str, model: str, *, limit: int = 100
) -> list[tuple[str, float]]:
    """Ids of the images that a phrase describes best, and the cosine to it, the nearest first.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    phrase : str
        Such as ``a spiral galaxy seen from the side``.
    model : str
        The one that has seen the images. It is loaded once.
    limit : int
        Images at most, from 1 to 10,000.

    Raises
    ------
    UsageError
        No image was seen by this model, or there is no phrase.
    InputError, MissingExtraError, TrainingError
        As :class:`~cosmic_morphology.curate.text_image.TextImageModel` does.
    """
    if not phrase.strip():
        raise UsageError("there is no phrase", where="phrase", todo='Write: "a comet with a tail".')
    if not is_seen(atlas):
        raise UsageError(
            "no text-image model has seen these images", where=atlas.address, todo=_TODO
        )
    field = atlas.table("images").schema.field(COLUMN)
    # The name in an atlas may be anybody's: only the model of the settings is loaded.
    if not _stamp(model).same_code_and_parameters(field.metadata):
        raise UsageError(
            "these images were seen by another text-image model than that of the settings",
            where=f"{_SETTING} = {model!r}",
            todo=f"Name that one there. Or: {_TODO}",
        )
    direction = _loaded(model, hash_of_weights(model)).read([phrase])
    return nearest(atlas, COLUMN, direction, limit=limit)


def is_seen(atlas: Atlas) -> bool:
    """Whether a text-image model has seen the images.

    Examples
    --------
    >>> is_seen(atlas)
    False
    """
    return COLUMN in atlas.table("images").schema.names


def _stamp(model: str) -> ColumnProvenance:
    return ColumnProvenance(_STAGE, {"model": model, "weights": hash_of_weights(model)}, _CODE)


def _field(width: int) -> pa.Field:
    return pa.field(COLUMN, pa.list_(pa.float16(), width))


@lru_cache(maxsize=1)
def _loaded(model: str, weights: str) -> TextImageModel:
    del weights  # another model where they have changed
    return TextImageModel(model)
