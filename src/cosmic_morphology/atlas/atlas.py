"""The atlas: the only place where data lives."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas import versions
from cosmic_morphology.atlas.maintenance.upkeep import after_rows, after_stage
from cosmic_morphology.atlas.provenance import (
    ColumnProvenance,
    Fingerprint,
    content_hash,
)
from cosmic_morphology.atlas.query.addresses import AddressBook
from cosmic_morphology.atlas.query.columns import read_of, select
from cosmic_morphology.atlas.query.joining import join, join_all
from cosmic_morphology.atlas.query.taking import take
from cosmic_morphology.atlas.record import NewImage, Record, image_table, new_and_changed
from cosmic_morphology.atlas.schema import (
    DECISIONS,
    DERIVED_FROM_REPORTED,
    IMAGES,
    KEYS,
    LEDGER,
    REPORTED_COLUMNS,
    TABLES,
    derived_field,
    table_of,
)
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.atlas.storage import commit
from cosmic_morphology.atlas.storage.column_versions import column_versions
from cosmic_morphology.atlas.storage.creation import create_tables, open_tables
from cosmic_morphology.atlas.storage.lance_tables import Table
from cosmic_morphology.atlas.storage.store import Store
from cosmic_morphology.atlas.storage.whole_columns import change_columns, write_whole_columns
from cosmic_morphology.atlas.versions import AtlasVersion, Commit
from cosmic_morphology.atlas.view import AtlasView
from cosmic_morphology.errors import AtlasError, UsageError
from cosmic_morphology.safe_text import without_secrets

_DIGEST_ROWS = 4096


class Atlas(AtlasView):
    """Four versioned Lance tables in one folder or object-store prefix.

    Use :meth:`open` or :meth:`create`; the constructor only holds what they opened.

    Parameters
    ----------
    store : Store
        The folder, or the address such as ``s3://bucket/sky`` and the options for it.
    opened : dict of str to Table
        The opened tables by name.
    pinned : bool
        Whether an old version is read; writing is then refused.

    Examples
    --------
    >>> new = cosmic.Atlas.create("new-atlas")
    >>> new
    <Atlas new-atlas: 0 images, version i1-c1-d1-l1>
    >>> atlas.count(), atlas.ids()[0]
    (24, 'folder:sky/galaxy/0.jpg')
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
        return {**self.__dict__, "_positions": None, "_books": {}}

    # ---- opening -----------------------------------------------------------------------------

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
        create_tables(Store(str(uri), storage_options))
        return cls.open(uri, storage_options=storage_options)

    # ---- reading -----------------------------------------------------------------------------

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

    def columns(self) -> list[str]:
        """Names of all columns of the catalogue, and of those that stages have added to the images.

        Examples
        --------
        >>> "label" in atlas.columns()
        True
        """
        seen = [name for name in self.table("images").schema.names if name not in IMAGES.names]
        return [*self.table("catalogue").schema.names, *seen]

    def count(self, table: str = "images", where: str | None = None) -> int:
        """Number of rows of a table.

        Examples
        --------
        >>> atlas.count(), atlas.count("catalogue", "label = 'galaxy'")
        (24, 8)
        """
        return int(self.table(table).count_rows(where))

    def count_filled(self, column: str) -> int:
        """Number of rows that have a value in a derived column.

        Examples
        --------
        >>> atlas.count_filled("label"), atlas.count_filled("prediction_none")
        (24, 0)
        """
        table = table_of(column)
        if column not in self.table(table).schema.names:
            return 0
        return self.count(table, f"`{column}` IS NOT NULL")

    @property
    def address(self) -> str:
        """Where the atlas is, without passwords and signatures: what may be written and shown."""
        return without_secrets(self.uri)

    def need_images(self) -> None:
        """Raise :class:`UsageError` where there is no image to work on."""
        if not self.count():
            raise UsageError(
                "there are no images in this atlas",
                where=self.address,
                todo="Collect or import some first.",
            )

    def read(
        self,
        columns: Sequence[str] | None = None,
        *,
        where: str | None = None,
        table: str = "catalogue",
        with_image: bool = False,
    ) -> pa.Table:
        """Read columns of one table; derived columns that nobody has written yet are null.

        Parameters
        ----------
        columns : sequence of str, optional
            All of the table's columns without it. Of the catalogue also the derived columns of
            the images, for the same ids.
        where : str, optional
            A filter in Lance's SQL, such as ``"split = 'test'"``.
        table : str
            One of ``images``, ``catalogue``, ``decisions``, ``ledger``.
        with_image : bool
            Leave out records whose image is not there; ``id`` must be among the columns.

        Examples
        --------
        >>> atlas.read(["id", "label"], where="label = 'star'").to_pylist()[0]
        {'id': 'folder:sky/star/0.jpg', 'label': 'star'}
        """
        dataset = self.table(table)
        if columns is None:
            return dataset.to_table(filter=where)
        there = [name for name in columns if name in dataset.schema.names]
        if table == "catalogue" and any(table_of(each) == "images" for each in columns):
            images = self.table("images")
            beside = [each for each in columns if each not in there and each in images.schema.names]
            found = dataset.to_table(columns=read_of(dataset, columns), filter=where)
            if where is None:
                found = join_all(found, images.to_table(["id", *beside]), "id")
            else:
                found = join(self, found, "id", images, beside, [*found.schema.names, *beside])
        else:
            found = dataset.to_table(columns=there or [KEYS[table]], filter=where)
        if with_image:
            there = self.table("images").to_table(["id"]).column("id").combine_chunks()
            found = found.filter(pc.is_in(found.column("id"), value_set=there))
        return select(found, columns)

    def images(self, ids: Sequence[str], columns: Sequence[str] = ("id", "thumbnail")) -> pa.Table:
        """Rows of the ``images`` table for these ids, in their order.

        Raises
        ------
        AtlasError
            An id has no image.

        Examples
        --------
        >>> atlas.images(["folder:sky/star/0.jpg"], ["id", "width"]).to_pylist()
        [{'id': 'folder:sky/star/0.jpg', 'width': 64}]
        """
        table = self.table("images")
        addresses = self.address_book(table).find(table, ids)
        missing = [each for each, at in zip(ids, addresses, strict=True) if at is None]
        if missing:
            raise AtlasError(
                f"{len(missing)} ids have no image, such as {missing[0]!r}",
                where=self.uri,
                todo="Take ids of this atlas: see cosmic atlas query.",
            )
        return table.take_addresses(pa.array(addresses, pa.uint64()), columns)

    def address_book(self, table: Table) -> AddressBook:
        """Where the rows of a table stand, by their keys; made again when rows come or go."""
        book = self._books.get(table.name)
        if book is None or not book.is_current(table):
            book = self._books[table.name] = AddressBook(table)
        return book

    def ids(self, where: str | None = None) -> list[str]:
        """Ids of all rows of the catalogue that have an image, sorted.

        Examples
        --------
        >>> atlas.ids("label = 'nebula'")[:2]
        ['folder:sky/nebula/0.jpg', 'folder:sky/nebula/1.jpg']
        """
        found: list[str] = self._sorted_ids(where).to_pylist()
        return found

    def _sorted_ids(self, where: str | None = None) -> pa.ChunkedArray:
        """The same as an Arrow array: a third of the memory."""
        ids = self.read(["id"], where=where, with_image=True).column("id")
        return ids.take(pc.sort_indices(ids))

    def batches(
        self,
        columns: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        batch_size: int = 256,
    ) -> Iterator[pa.Table]:
        """Rows of catalogue and images together, a batch at a time, in the order of ``ids``.

        Where the order does not matter :func:`~cosmic_morphology.atlas.query.stream` is faster.

        Examples
        --------
        >>> [batch.num_rows for batch in atlas.batches(["label"], batch_size=10)]
        [10, 10, 4]
        """
        chosen = self._sorted_ids() if ids is None else ids
        for start in range(0, len(chosen), batch_size):
            part = chosen[start : start + batch_size]
            of = part.to_pylist() if isinstance(part, pa.ChunkedArray) else part
            yield take(self, of, list(dict.fromkeys(["id", *columns])))

    def sha256_of(self, ids: Sequence[str]) -> dict[str, str]:
        """SHA-256 of the bytes of those of these ids that have an image.

        Examples
        --------
        >>> [len(each) for each in atlas.sha256_of(["folder:sky/star/0.jpg"]).values()]
        [64]
        """
        if not ids:
            return {}
        where = f"id IN ({', '.join(map(sql_literal, ids))})"
        rows = self.read(["id", "sha256"], where=where, table="images").to_pylist()
        return {row["id"]: row["sha256"] for row in rows}

    # ---- writing -----------------------------------------------------------------------------

    def add(self, arrivals: Sequence[NewImage]) -> int:
        """Store images with their records; return how many were new.

        Where an id has other bytes already, neither these nor their record come in: what was said
        of one image is never written onto another.

        The image goes first: which bytes stand under an id is settled before anything is said of
        it, however many writers there are. A kill between the two commits leaves an image without
        a record, which ``verify`` shows and the next run of the same collect or import mends.

        Examples
        --------
        >>> from cosmic_morphology.atlas import NewImage, Record
        >>> from cosmic_morphology.imaging import ingest_image
        >>> from cosmic_morphology.synthesize import render_image
        >>> data = render_image("comet", 5, size_px=64).jpeg()
        >>> image = NewImage(Record("mine", "c1", title="My comet"), ingest_image(data), data)
        >>> atlas.add([image]), atlas.add([image])
        (1, 0)
        """
        self.need_writable()
        there = self.sha256_of([arrival.record.id for arrival in arrivals])
        unique = {
            arrival.record.id: arrival
            for arrival in arrivals
            if there.get(arrival.record.id) in (None, arrival.intake.sha256)
        }
        coming = [arrival for each, arrival in unique.items() if each not in there]
        n_new = commit.insert_new(self.table("images"), image_table(coming), KEYS["images"])
        stored = list(unique.values())
        if n_new < len(coming):  # another writer was faster, perhaps with other bytes
            there = self.sha256_of(list(unique))
            stored = [each for each in stored if there.get(each.record.id) == each.intake.sha256]
        self.upsert_records([arrival.record for arrival in stored])
        after_rows(self._tables["images"])
        return n_new

    def upsert_records(self, records: Sequence[Record]) -> None:
        """Insert or refresh what sources say; ``queries`` only ever grow.

        Rows that say nothing new are left alone; columns that were derived from what has
        changed become null, so that their stage fills them again.
        """
        self.need_writable()
        if not records:
            return
        ids = sorted({record.id for record in records})
        where = f"id IN ({', '.join(map(sql_literal, ids))})"

        def combine(catalogue: Table) -> pa.Table:
            before = catalogue.to_table(REPORTED_COLUMNS.names, where)
            rows = new_and_changed(records, before)
            for name in DERIVED_FROM_REPORTED:
                if name in catalogue.schema.names:
                    empty = pa.nulls(rows.num_rows, derived_field(name).type)
                    rows = rows.append_column(name, empty)
            return rows

        commit.upsert_combined(self.table("catalogue"), KEYS["catalogue"], combine)
        after_rows(self._tables["catalogue"])

    def upsert_ledger(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert or update the state of URLs; columns that a row leaves out become null."""
        self.need_writable()
        unique = {row["url"]: dict(row) for row in rows}
        for row in unique.values():
            if row.get("error"):
                row["error"] = without_secrets(row["error"])
        table = pa.Table.from_pylist(list(unique.values()), schema=LEDGER)
        commit.upsert(self.table("ledger"), table, KEYS["ledger"])
        after_rows(self._tables["ledger"])

    def append_decisions(self, rows: Sequence[Mapping[str, Any]]) -> int:
        """Append people's verdicts; the same verdict given twice is kept once.

        Examples
        --------
        >>> from datetime import UTC, datetime
        >>> verdict = {"id": "folder:sky/star/0.jpg", "verdict": "label", "label": "star"}
        >>> verdict |= {"who": "ann", "at": datetime(2026, 1, 1, tzinfo=UTC), "why": ""}
        >>> atlas.append_decisions([verdict]), atlas.append_decisions([verdict])
        (1, 0)
        """
        self.need_writable()
        complete: dict[str, dict[str, Any]] = {}
        for row in rows:
            text = "\x1f".join(str(row.get(name)) for name in DECISIONS.names[1:])
            key = hashlib.sha256(text.encode()).hexdigest()[:24]
            complete[key] = {**row, "decision": key}
        table = pa.Table.from_pylist(list(complete.values()), schema=DECISIONS)
        return commit.insert_new(self.table("decisions"), table, KEYS["decisions"])

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

    def prepare_columns(self, fields: Sequence[pa.Field], stamp: ColumnProvenance) -> bool:
        """Make derived columns ready to be filled; True when all rows are now empty.

        Columns that another recipe wrote are replaced by empty ones (older versions keep them).
        """
        self.need_writable()
        made = [self._prepare(name, own, stamp) for name, own in _by_table(fields).items()]
        return any(made)

    def _prepare(self, table: str, fields: Sequence[pa.Field], stamp: ColumnProvenance) -> bool:
        def is_current(schema: pa.Schema) -> bool:
            return all(
                each.name in schema.names
                and stamp.same_code_and_parameters(schema.field(each.name).metadata)
                for each in fields
            )

        opened = self.table(table)
        if is_current(opened.schema):
            return False
        stamped = [pa.field(f.name, f.type, metadata=stamp.metadata()) for f in fields]
        return commit.remake_columns(opened, stamped, is_current)

    def fill_columns(self, rows: pa.Table) -> None:
        """Write derived columns of existing rows (``id`` and the columns), a commit a table."""
        self.need_writable()
        for table, own in _by_table(_derived(rows)).items():
            part = rows.select(["id", *(each.name for each in own)])
            commit.update(self.table(table), part, KEYS[table])

    def change_columns(
        self, columns: Sequence[str], changed: Callable[[pa.Table], pa.Table]
    ) -> None:
        """Write the values of the catalogue that a function changes, in one commit.

        Parameters
        ----------
        columns : sequence of str
            Columns to read and write; where one is not there yet, nothing changes.
        changed : callable
            Gets some rows, with ``id``, the columns and an address; returns those that change.
            It is called again for rows that others move meanwhile.
        """
        self.need_writable()
        catalogue = self.table("catalogue")
        if set(columns) <= set(catalogue.schema.names):
            change_columns(catalogue, columns, changed)

    def replace_columns(self, rows: pa.Table, stamp: ColumnProvenance) -> None:
        """Write derived columns that a whole-table stage computed, and stamp them.

        Parameters
        ----------
        rows : pyarrow.Table
            ``id`` and one or more derived columns; rows left out become null.
        stamp : ColumnProvenance
            Goes into the metadata of each column, last: a kill before leaves the columns stale.
        """
        fields = _derived(rows)
        unfinished = ColumnProvenance(
            stamp.stage, stamp.parameters, stamp.code, inputs="unfinished"
        )
        self.prepare_columns(fields, unfinished)
        for name, own in _by_table(fields).items():
            names = [each.name for each in own]
            write_whole_columns(self.table(name), rows.select([KEYS[name], *names]))
            commit.stamp_columns(self._tables[name], dict.fromkeys(names, stamp.metadata()))
        self.tend()

    def tend(self) -> None:
        """What a stage ends with: indexes hold what it wrote, and small files are merged.

        Cheap where nothing is to do, and where the atlas has no index.
        """
        for name in ("images", "catalogue"):
            after_stage(self._tables[name])

    # ---- what is up to date ------------------------------------------------------------------

    def digest(self, columns: Sequence[str], *, verdicts: bool = False) -> str:
        """Hash of what a stage would read: the images, columns, and people's verdicts if asked.

        Embeddings count by their stamp and the number of rows filled, not by their values.

        Examples
        --------
        >>> before = atlas.digest(["label"])
        >>> before == atlas.digest(["label"]), before == atlas.digest(["title"])
        (True, False)
        """
        heavy = [name for name in columns if name.startswith("embedding_")]
        light = [name for name in columns if name not in heavy and name != "id"]
        heavy_state = [
            (
                name,
                sorted(self.provenance_of(name).items()),
                self.count_filled(name),
            )
            for name in heavy
            if name in self.columns()
        ]
        by_table = self._read_by_stage(light, verdicts=verdicts)
        return content_hash(heavy_state, *(self._content(*each) for each in by_table.items()))

    def column_versions(self, columns: Sequence[str], *, verdicts: bool = False) -> str:
        """Hash of the files that hold what a stage would read; no row is looked at.

        Where it is as before, :meth:`digest` is, too. Merging of small files changes it.

        Examples
        --------
        >>> before = atlas.column_versions(["label"])
        >>> before == atlas.column_versions(["label"]), before == atlas.column_versions(["title"])
        (True, False)
        """
        return content_hash(
            [(name, sorted(self.provenance_of(name).items())) for name in columns],
            [
                (name, column_versions(self.table(name), own))
                for name, own in self._read_by_stage(columns, verdicts=verdicts).items()
            ],
        )

    def _read_by_stage(self, columns: Sequence[str], *, verdicts: bool) -> dict[str, list[str]]:
        """Columns that a stage reads, by table."""
        read: dict[str, list[str]] = {"catalogue": ["id"], "images": ["id", "sha256"]}
        for name in columns:
            if name not in read[table_of(name)]:
                read[table_of(name)].append(name)
        return read | ({"decisions": DECISIONS.names} if verdicts else {})

    def _content(self, name: str, columns: list[str]) -> tuple[list[str], str]:
        """Columns, and a hash of their values, read a batch at a time."""
        table, told = self.table(name), Fingerprint()
        there = [each for each in columns if each in table.schema.names]
        for batch in table.to_batches(there, _DIGEST_ROWS):
            # A column that nobody has written yet counts like an empty one.
            nothing = [None] * batch.num_rows
            values = (
                batch.column(each).to_pylist() if each in there else nothing for each in columns
            )
            told.add(zip(*values, strict=True))
        return columns, str(told)

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

    # ---- versions ----------------------------------------------------------------------------

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

    # ---- helpers -----------------------------------------------------------------------------

    def need_writable(self) -> None:
        """Raise :class:`AtlasError` where an old version is open, which can only be read."""
        if self.pinned:
            raise AtlasError(
                "an old version can be read, not written",
                where=self.uri,
                todo="Open the atlas without a version.",
            )


def _derived(rows: pa.Table) -> list[pa.Field]:
    return [field for field in rows.schema if field.name != "id"]


def _by_table(fields: Sequence[pa.Field]) -> dict[str, list[pa.Field]]:
    found: dict[str, list[pa.Field]] = {}
    for field in fields:
        found.setdefault(table_of(field.name), []).append(field)
    return found
