"""Many texts as 64-bit hashes: eight bytes each, whatever their length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_AT_ONCE = 65_536


def hash64(texts: Iterable[str]) -> NDArray[np.uint64]:
    """BLAKE2b hashes of texts, shape ``(N,)``.

    Two of ten million different texts share a hash with a probability of 3 in a million.

    Examples
    --------
    >>> one, other, again = hash64(["M 31", "M 33", "M 31"])
    >>> bool(one == again), bool(one == other)
    (True, False)
    """
    digests = (hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(b"".join(digests), np.uint64)


def hash64_of(texts: pa.Array) -> NDArray[np.uint64]:
    """The same of an array, a few thousand texts at a time."""
    parts = (texts.slice(start, _AT_ONCE) for start in range(0, len(texts), _AT_ONCE))
    return np.concatenate([np.empty(0, np.uint64), *(hash64(part.to_pylist()) for part in parts)])


class HashedSet:
    """A set of different texts that can only be asked whether it holds one, and at which place.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
        From :func:`hash64`.

    Examples
    --------
    >>> ids = HashedSet(hash64(["sky:a", "sky:b"]))
    >>> "sky:a" in ids, "sky:c" in ids
    (True, False)
    >>> ids.places(hash64(["sky:b", "sky:c"])).tolist()
    [1, -1]
    """

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self._order = np.argsort(hashes).astype(np.int32)
        self._sorted = hashes[self._order]

    def __contains__(self, text: object) -> bool:
        return bool(self.places(hash64([str(text)]))[0] >= 0)

    def places(self, hashes: NDArray[np.uint64]) -> NDArray[np.int32]:
        """Places of texts among those given at first, by their hashes; -1 where there is none."""
        if not len(self._sorted):
            return np.full(len(hashes), -1, np.int32)
        at = np.minimum(np.searchsorted(self._sorted, hashes), len(self._sorted) - 1)
        return np.where(self._sorted[at] == hashes, self._order[at], np.int32(-1))
