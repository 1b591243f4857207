"""The pictures that a run was made from, found again by what its folder says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from cosmic_morphology.errors import CosmicError
from cosmic_morphology.learn.pictures import ParquetPictures, PictureTable
from cosmic_morphology.learn.run_json import read_json
from cosmic_morphology.learn.runs import read_run
from cosmic_morphology.safe_text import without_secrets


def pictures_of_run(
    run_folder: Path, *, ours: str = "", storage_options: Mapping[str, str] | None = None
) -> PictureTable | None:
    """The atlas or Parquet file that a run was trained from; None where it is no longer there.

    A run's folder may come from anybody: an address in it is opened only when it is that of our
    own atlas, so that nobody else's server is asked, and given our password, on its word.

    Parameters
    ----------
    run_folder : Path
        Of the run.
    ours : str
        The atlas of the settings.
    storage_options : mapping of str to str, optional
        For an atlas in an object store.

    Raises
    ------
    InputError
        There is no finished run here.
    """
    read_run(run_folder)
    uri = str(read_json(run_folder / "atlas.json").get("uri", ""))
    if not uri or ("://" in uri and uri.rstrip("/") != without_secrets(ours).rstrip("/")):
        return None
    try:
        if uri.endswith(".parquet"):
            return ParquetPictures(Path(uri))
        # Only here: a machine that trains from a Parquet file has no Lance.
        from cosmic_morphology.atlas import Atlas
        from cosmic_morphology.learn.atlas_pictures import AtlasPictures

        return AtlasPictures(Atlas.open(uri, storage_options=dict(storage_options or {}) or None))
    except CosmicError:
        return None


def sample_of(table: PictureTable, labels: str, n: int, *, split: str) -> list[bytes]:
    """Thumbnails of at most ``n`` labelled pictures of a split, evenly from all of them.

    Parameters
    ----------
    table : PictureTable
        The source.
    labels : str
        ``label``, or one voter.
    n : int
        How many.
    split : str
        ``train`` or ``val``.
    """
    ids = [example.id for example in table.examples(labels) if example.split == split]
    return [data for _, data in table.thumbnails(_spread(ids, n))]


def _spread(ids: Sequence[str], n: int) -> list[str]:
    if len(ids) <= n:
        return list(ids)
    return [ids[at] for at in np.linspace(0, len(ids) - 1, n).round().astype(int)]
