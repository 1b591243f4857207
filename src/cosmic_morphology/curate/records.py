"""All records of a catalogue by id, read a few thousand at a time and held as arrays."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.curate.columns import read_batches

_AT_ONCE = 65_536


class Records:
    """The records that a catalogue has now, numbered in the order of their ids.

    What is known of N records is held in arrays of length N; texts and votes, which are much
    larger, are read again whenever they are needed. Records that come in later are passed over.

    Parameters
    ----------
    atlas : Atlas
        Read only.

    Attributes
    ----------
    ids : pyarrow.Array
        The N ids, sorted.
    """

    def __init__(self, atlas: Atlas) -> None:
        self._atlas = atlas
        self._number(self._read_ids())

    def _number(self, ids: pa.Array) -> None:
        order = pc.sort_indices(ids)
        self.ids = ids.take(order)
        self._places = np.empty(len(ids), np.int32)
        self._places[order.to_numpy()] = np.arange(len(ids), dtype=np.int32)

    def __len__(self) -> int:
        return len(self.ids)

    def batches(self, columns: Sequence[str]) -> Iterator[tuple[NDArray[np.int32], pa.Table]]:
        """Numbers of some records and columns of theirs, in the order of the table."""
        if self._atlas.column_versions(["id"]) != self._files:
            self._places = self.numbers_of(self._read_ids())
        start = 0
        for rows in read_batches(self._atlas, columns):
            places = self._places[start : start + rows.num_rows]
            start += rows.num_rows
            known = places >= 0
            if known.all():
                yield places, rows
            else:
                yield places[known], rows.filter(pa.array(known))

    def column(self, name: str, *, or_else: Sequence[str] = ()) -> pa.Array:
        """One column by id; where it is null or empty, the first of the others that is not."""
        names = (name, *or_else)
        parts = [
            (places, pa.table({name: _first_given([rows.column(each) for each in names])}))
            for places, rows in self.batches(names)
        ]
        return self.by_id(parts).column(name).combine_chunks()

    def by_id(self, parts: Sequence[tuple[NDArray[np.int32], pa.Table]]) -> pa.Table:
        """Parts of a table, with the numbers of their rows, put together with their ids."""
        order = np.argsort(np.concatenate([places for places, _ in parts]), kind="stable")
        rows = pa.concat_tables([rows for _, rows in parts]).take(pa.array(order))
        return rows.add_column(0, "id", self.ids)

    def codes(self, name: str) -> tuple[NDArray[np.int32], pa.Array]:
        """A column as numbers, and the sorted values that they stand for; null comes last.

        For columns of few different values: each is held once, as a Python object.
        """
        codes, known = np.zeros(len(self), np.int32), _Numbers()
        for places, rows in self.batches([name]):
            values = rows.column(name).combine_chunks()
            codes[places] = known.of(values)
        rank, names = known.sorted(values.type)
        return rank[codes], names

    def codes_of_ids(self, name: str) -> tuple[NDArray[np.int32], pa.Array]:
        """A column of ids, such as ``group``, as numbers, and the ids that they stand for.

        Where the column is null or empty, the record's own id stands in its place.
        Below N they are numbers of records; from N on they stand for what is no id of a record,
        sorted.
        """
        names = (name, "id")
        codes, others = np.empty(len(self), np.int32), _Numbers()
        for places, rows in self.batches(names):
            values = _first_given([rows.column(each) for each in names]).combine_chunks()
            numbers = self.numbers_of(values)
            foreign = numbers < 0
            numbers[foreign] = len(self) + others.of(values.filter(pa.array(foreign)))
            codes[places] = numbers
        rank, names = others.sorted(self.ids.type)
        is_other = codes >= len(self)
        codes[is_other] = len(self) + rank[codes[is_other] - len(self)]
        return codes, pa.concat_arrays([self.ids, names])

    def numbers_of(self, ids: pa.Array) -> NDArray[np.int32]:
        """The numbers of the records of some ids; -1 where there is no such record."""
        return np.array(self._key_places.find(ids).fill_null(-1), np.int32)

    @cached_property
    def _key_places(self) -> KeyPlaces:
        return KeyPlaces(self.ids)

    def _read_ids(self) -> pa.Array:
        table = self._atlas.table("catalogue")
        self._files = self._atlas.column_versions(["id"])
        return table.to_table(columns=["id"]).column("id").combine_chunks()


class _Numbers:
    """Different values, numbered as they come."""

    def __init__(self) -> None:
        self._number: dict[Any, int] = {}

    def of(self, values: pa.Array) -> NDArray[np.int32]:
        """The numbers of some values, and of null."""
        encoded = values.dictionary_encode("encode")
        known = self._number
        numbers = [known.setdefault(each, len(known)) for each in encoded.dictionary.to_pylist()]
        codes: NDArray[np.int32] = np.array(numbers, np.int32)[np.asarray(encoded.indices)]
        return codes

    def sorted(self, type_: pa.DataType) -> tuple[NDArray[np.int32], pa.Array]:
        """The place of each number among the sorted values, and those; null comes last."""
        values = pa.array(list(self._number), type_)
        order = pc.sort_indices(values)
        rank = np.empty(len(order), np.int32)
        rank[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
        return rank, values.take(order)


def sorted_codes(values: pa.Array) -> tuple[NDArray[np.int32], pa.Array]:
    """Values as numbers, shape ``(N,)``, and the sorted values that they stand for; null is last.

    Examples
    --------
    >>> codes, names = sorted_codes(pa.array(["b", None, "a", "b"]))
    >>> codes.tolist(), names.to_pylist()
    ([1, 2, 0, 1], ['a', 'b', None])
    """
    encoded = values.dictionary_encode("encode")
    order = pc.sort_indices(encoded.dictionary)
    rank = np.empty(len(order), np.int32)
    rank[order.to_numpy()] = np.arange(len(order), dtype=np.int32)
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return rank[codes], encoded.dictionary.take(order)


def counted(codes: NDArray[Any], names: Sequence[str]) -> dict[str, int]:
    """How often each name is meant, the most frequent first; of equal ones the first that came.

    Examples
    --------
    >>> counted(np.array([2, 0, 0, 1]), ["a", "b", "c"])
    {'a': 2, 'c': 1, 'b': 1}
    """
    there, first, sizes = np.unique(codes, return_index=True, return_counts=True)
    order = np.lexsort((first, -sizes))
    return {names[there[at]]: int(sizes[at]) for at in order}


def content_of(ids: pa.Array, *columns: NDArray[Any] | Sequence[str]) -> str:
    """Hash of columns of records, for stamps: arrays of numbers by id, and what they stand for."""
    running = hashlib.sha256()
    for batch in pa.table({"id": ids}).to_batches(max_chunksize=_AT_ONCE):
        running.update(json.dumps(batch.column(0).to_pylist()).encode())
    for each in columns:
        running.update(
            each.tobytes() if isinstance(each, np.ndarray) else json.dumps(each).encode()
        )
    return running.hexdigest()[:16]


def _first_given(columns: Sequence[pa.ChunkedArray]) -> pa.ChunkedArray:
    if len(columns) == 1:
        return columns[0]
    given = [pc.if_else(pc.equal(each, ""), None, each) for each in columns[:-1]]
    return pc.coalesce(*given, columns[-1])
