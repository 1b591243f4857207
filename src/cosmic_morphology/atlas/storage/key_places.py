"""At which place a key stands among many, held as hashes: 12 bytes a key, whatever its length."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

_AT_ONCE = 65_536


class KeyPlaces:
    """Finds the places of keys in a column of different keys.

    Parameters
    ----------
    keys : pyarrow.Array
        The N keys; none occurs twice.

    Examples
    --------
    >>> KeyPlaces(pa.array(["a", "b", "c"])).find(pa.array(["c", "x", "a"])).to_pylist()
    [2, None, 0]
    """

    def __init__(self, keys: pa.Array) -> None:
        self._keys = keys
        hashes = _hashes_of_column(keys)
        self._order = np.argsort(hashes).astype(np.int32)
        self._sorted = hashes[self._order]
        self._is_clear = not (self._sorted[1:] == self._sorted[:-1]).any()

    def find(self, keys: pa.Array) -> pa.Array:
        """The place of each of these keys, int32; null for one that is not there."""
        if not self._is_clear:  # two keys share a hash: about once in a million tables of 10 M rows
            return pc.index_in(keys, value_set=self._keys)
        if not len(self._sorted):
            return pa.nulls(len(keys), pa.int32())
        at = np.searchsorted(self._sorted, _hashes_of_column(keys))
        places = pa.array(self._order[np.minimum(at, len(self._sorted) - 1)])
        return pc.if_else(pc.equal(self._keys.take(places), keys), places, None)


def hashes_of(keys: Iterable[str]) -> npt.NDArray[np.int64]:
    """A hash of each key, which holds in this process only."""
    return np.fromiter(map(hash, keys), np.int64)


def _hashes_of_column(keys: pa.Array) -> npt.NDArray[np.int64]:
    parts = (keys.slice(start, _AT_ONCE) for start in range(0, len(keys), _AT_ONCE))
    return np.concatenate([np.empty(0, np.int64), *(hashes_of(each.to_pylist()) for each in parts)])
