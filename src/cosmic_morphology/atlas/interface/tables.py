"""The four opened tables of an atlas: at which version each is read, and what is noted of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from cosmic_morphology.atlas import versions
from cosmic_morphology.atlas.query.addresses import AddressBook
from cosmic_morphology.atlas.schema import TABLES, table_of
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.store import Store
from cosmic_morphology.atlas.versions import AtlasVersion, Commit
from cosmic_morphology.errors import AtlasError
from cosmic_morphology.safe_text import without_secrets


class AtlasTables:
    """The tables of :class:`~cosmic_morphology.Atlas`: opened, versioned, tagged.

    Parameters
    ----------
    store : Store
        The folder, or the address such as ``s3://bucket/sky`` and the options for it.
    opened : dict of str to Table
        The opened tables by name.
    pinned : bool
        Whether an old version is read; writing is then refused.
    """

    def __init__(self, store: Store, opened: dict[str, Table], *, pinned: bool = False) -> None:
        self.store = store
        self.uri = store.uri
        self.pinned = pinned
        self._tables = opened
        self._books: dict[str, AddressBook] = {}
        self._held: set[str] | None = None

    def __getstate__(self) -> dict[str, Any]:
        """For another process: it looks its ids up anew, since hashes differ there."""
        return {**self.__dict__, "_books": {}}

    @property
    def address(self) -> str:
        """Where the atlas is, without passwords and signatures: what may be written and shown."""
        return without_secrets(self.uri)

    def table(self, name: str) -> Table:
        """One of the four tables, at its newest version unless it is held or the atlas pinned."""
        table = self._tables[name]
        if not self.pinned and (self._held is None or name not in self._held):
            table.refresh()
            if self._held is not None:
                self._held.add(name)
        return table

    @contextmanager
    def held(self) -> Iterator[None]:
        """Read each table at one version in the block, and at those that this atlas commits.

        Without it each look at a table asks whether there is a newer version: a third of all
        requests to an object store. What others commit meanwhile is seen after the block, or
        after the next commit to the same table; no write is lost by it.

        Examples
        --------
        >>> with atlas.held():
        ...     atlas.count(), atlas.count("catalogue")
        (24, 24)
        """
        outer = self._held
        self._held = set() if outer is None else outer
        try:
            yield
        finally:
            self._held = outer

    def see_others(self) -> None:
        """Within :meth:`held`, see what others have committed until now: workers of this run."""
        if self._held is not None:
            self._held.clear()

    def address_book(self, table: Table) -> AddressBook:
        """Where the rows of a table stand, by their keys; made again when rows come or go."""
        book = self._books.get(table.name)
        if book is None or not book.is_current(table):
            book = self._books[table.name] = AddressBook(table)
        return book

    def need_writable(self) -> None:
        """Raise :class:`AtlasError` where an old version is open, which can only be read."""
        if self.pinned:
            raise AtlasError(
                "an old version can be read, not written",
                where=self.uri,
                todo="Open the atlas without a version.",
            )

    @property
    def version(self) -> AtlasVersion:
        """The versions of the four tables that are read now."""
        return AtlasVersion(**{name: int(self.table(name).version) for name in TABLES})

    def versions(self) -> list[Commit]:
        """Every commit of every table, oldest first.

        Examples
        --------
        >>> {commit.table for commit in atlas.versions()} >= {"images", "catalogue"}
        True
        """
        return versions.commits({name: self.table(name) for name in TABLES})

    def tag(self, name: str) -> None:
        """Pin the newest version of all tables under a name.

        Examples
        --------
        >>> atlas.tag("first")
        >>> cosmic.Atlas.open(atlas.uri, version="first").version == atlas.version
        True
        """
        self.need_writable()
        versions.tag_all({name_: self.table(name_) for name_ in TABLES}, name)

    def provenance_of(self, column: str) -> dict[bytes, bytes]:
        """Metadata of a derived column: who wrote it, empty when nobody did.

        Examples
        --------
        >>> atlas.provenance_of("id"), len(atlas.provenance_of("label")) > 0
        ({}, True)
        """
        schema = self.table(table_of(column)).schema
        if column not in schema.names:
            return {}
        metadata = dict(schema.field(column).metadata or {})
        # Keys have metadata too, and nobody computed them.
        return metadata if b"stage" in metadata else {}

    def set_note(self, name: str, text: str) -> None:
        """Keep a short text under a name, in the metadata of the catalogue.

        Examples
        --------
        >>> atlas.set_note("taken from", "an old disk")
        >>> atlas.note("taken from"), atlas.note("another name")
        ('an old disk', '')
        """
        self.need_writable()
        commit.note(self.table("catalogue"), {name: text})

    def note(self, name: str) -> str:
        """The text that was kept under a name; empty without one."""
        return str(self.table("catalogue").metadata.get(name) or "")
