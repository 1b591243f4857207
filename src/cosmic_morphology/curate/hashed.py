"""Many texts as 64-bit hashes: eight bytes each, whatever their length."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray


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


class HashedSet:
    """A set of texts that can only be asked whether it holds one.

    Parameters
    ----------
    hashes : ndarray of uint64, shape ``(N,)``
        From :func:`hash64`.

    Examples
    --------
    >>> ids = HashedSet(hash64(["sky:a", "sky:b"]))
    >>> "sky:a" in ids, "sky:c" in ids
    (True, False)
    """

    def __init__(self, hashes: NDArray[np.uint64]) -> None:
        self._sorted = np.sort(hashes)

    def __contains__(self, text: object) -> bool:
        hashed = hash64([str(text)])[0]
        at = int(np.searchsorted(self._sorted, hashed))
        return at < len(self._sorted) and bool(self._sorted[at] == hashed)
