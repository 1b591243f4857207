"""The atlas: the only place where data lives."""

from __future__ import annotations

from pathlib import Path

from cosmic_morphology.atlas.interface.adding import RowWriter
from cosmic_morphology.atlas.interface.derived import ColumnWriter
from cosmic_morphology.atlas.interface.inputs import StageInputs
from cosmic_morphology.atlas.schema import TABLES
from cosmic_morphology.atlas.storage.creation import create_tables, open_tables
from cosmic_morphology.atlas.storage.store import Store
from cosmic_morphology.atlas.versions import AtlasVersion
from cosmic_morphology.atlas.view import AtlasView


class Atlas(RowWriter, ColumnWriter, StageInputs, AtlasView):
    """Four versioned Lance tables in one folder or object-store prefix.

    Use :meth:`open` or :meth:`create`. Its parts stand in ``atlas/interface/``.

    Examples
    --------
    >>> new = cosmic.Atlas.create("new-atlas")
    >>> new
    <Atlas new-atlas: 0 images, version i1-c1-d1-l1>
    >>> atlas.count(), atlas.ids()[0]
    (24, 'folder:sky/galaxy/0.jpg')
    """

    @classmethod
    def open(
        cls,
        uri: str | Path,
        *,
        version: str | None = None,
        storage_options: dict[str, str] | None = None,
    ) -> Atlas:
        """Open an atlas, at its newest state or at a tag or version.

        Raises
        ------
        AtlasNotFoundError, AtlasTooNewError, AtlasTooOldError, AtlasDamagedError
            See :mod:`cosmic_morphology.errors`.

        Examples
        --------
        >>> cosmic.Atlas.open(atlas.uri, version=str(atlas.version)).pinned
        True
        >>> cosmic.Atlas.open("nowhere")
        Traceback (most recent call last):
            ...
        cosmic_morphology.errors.AtlasNotFoundError: nowhere: there is no atlas here ...
        """
        store = Store(str(uri), storage_options)
        exact = AtlasVersion.parse(version) if version else None
        chosen = {name: getattr(exact, name) if exact else version for name in TABLES}
        return cls(store, open_tables(store, chosen), pinned=version is not None)

    @classmethod
    def create(cls, uri: str | Path, *, storage_options: dict[str, str] | None = None) -> Atlas:
        """Open an atlas, making the tables that are missing (safe to repeat after a kill).

        Examples
        --------
        >>> cosmic.Atlas.create("new").count()
        0
        """
        store = Store(str(uri), storage_options)
        return cls(store, create_tables(store))
