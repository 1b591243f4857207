"""Which column of embeddings is taken: one rule for everything that compares images by them."""

from __future__ import annotations

from cosmic_morphology.atlas.atlas import Atlas

PREFIX = "embedding_"
LEVELS_PREFIX = "levels_"
"""Columns of what a backbone's middle stages see, beside the embedding of the same backbone."""


def embedding_columns(atlas: Atlas) -> list[str]:
    """Names of the columns of embeddings, sorted.

    Examples
    --------
    >>> embedding_columns(atlas), embedding_columns(judged)
    ([], ['embedding_mobilenetv3_small_075'])
    """
    return sorted(name for name in atlas.columns() if name.startswith(PREFIX))


def level_columns(atlas: Atlas) -> list[str]:
    """Names of the columns of what middle stages see, sorted.

    Examples
    --------
    >>> level_columns(atlas)
    []
    """
    return sorted(name for name in atlas.columns() if name.startswith(LEVELS_PREFIX))


def embedding_column_for(atlas: Atlas, wanted: str = "") -> str:
    """The wanted column where it is there, else the first by name; empty when there is none.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    wanted : str
        A column, or the backbone that it is named after (as timm calls it).

    Examples
    --------
    >>> embedding_column_for(judged), embedding_column_for(atlas)
    ('embedding_mobilenetv3_small_075', '')
    """
    there = embedding_columns(atlas)
    named = (wanted, f"{PREFIX}{wanted.replace('.', '_')}")
    return next((name for name in named if name in there), next(iter(there), ""))
