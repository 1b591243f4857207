"""Reading an atlas: columns, counts, and rows of given ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from cosmic_morphology.atlas.interface.tables import AtlasTables
from cosmic_morphology.atlas.query.columns import read_of, select
from cosmic_morphology.atlas.query.filters import check_filter
from cosmic_morphology.atlas.query.joining import join, join_all
from cosmic_morphology.atlas.query.taking import take
from cosmic_morphology.atlas.schema import IMAGES, KEYS, table_of
from cosmic_morphology.atlas.sql import sql_literal
from cosmic_morphology.errors import AtlasError, UsageError


class AtlasReader(AtlasTables):
    """What is read of an :class:`~cosmic_morphology.Atlas`."""

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

        Raises
        ------
        UsageError
            The filter ``where`` cannot be used.

        Examples
        --------
        >>> atlas.count(), atlas.count("catalogue", "label = 'galaxy'")
        (24, 8)
        """
        check_filter(self.table(table), where)
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
                found = join_all(found, images.to_table(["id", *beside]))
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

    def ids(self, where: str | None = None) -> list[str]:
        """Ids of all rows of the catalogue that have an image, sorted.

        For small atlases and narrow filters: it is a list of as many texts. Many rows are read
        with :func:`~cosmic_morphology.atlas.query.stream`, or in order with :meth:`batches`.

        Examples
        --------
        >>> atlas.ids("label = 'nebula'")[:2]
        ['folder:sky/nebula/0.jpg', 'folder:sky/nebula/1.jpg']
        """
        found: list[str] = self.sorted_ids(where).to_pylist()
        return found

    def sorted_ids(self, where: str | None = None) -> pa.ChunkedArray:
        """The same as an Arrow array: a third of the memory.

        Examples
        --------
        >>> len(atlas.sorted_ids()), atlas.sorted_ids("label = 'nebula'")[0].as_py()
        (24, 'folder:sky/nebula/0.jpg')
        """
        ids = self.read(["id"], where=where, with_image=True).column("id")
        return ids.take(pc.sort_indices(ids))

    def batches(
        self,
        columns: Sequence[str],
        *,
        ids: Sequence[str] | None = None,
        where: str | None = None,
        batch_size: int = 256,
    ) -> Iterator[pa.Table]:
        """Rows of catalogue and images together, a batch at a time, in the order of ``ids``.

        Without ``ids`` they are all that have an image, or of these all that fit ``where``, by id.
        Where the order does not matter :func:`~cosmic_morphology.atlas.query.stream` is faster.

        Examples
        --------
        >>> [batch.num_rows for batch in atlas.batches(["label"], batch_size=10)]
        [10, 10, 4]
        """
        chosen = self.sorted_ids(where) if ids is None else ids
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
