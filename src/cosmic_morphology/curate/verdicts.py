"""Verdicts on pairs of images, kept by what the images are: no pair is compared twice in one run.

The search for copies, the split and its certificate ask about the same pairs one after the other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

# About 50 MB; of more pairs than this the last ones are kept.
_MOST = 1 << 18


class PairVerdicts:
    """How alike the images of each pair are as copies; None where they are different.

    Parameters
    ----------
    most : int
        Verdicts that are kept. They last as long as the process does.

    Examples
    --------
    >>> verdicts = PairVerdicts()
    >>> verdicts.keep([b"one pair", b"other pair"], [0.9, None])
    >>> verdicts.known([b"new pair", b"one pair", b"other pair"])
    {b'one pair': 0.9, b'other pair': None}
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: dict[bytes, float | None] = {}

    def known(self, keys: Iterable[bytes]) -> dict[bytes, float | None]:
        """The verdicts on those pairs that were compared before.

        Parameters
        ----------
        keys : iterable of bytes
            Of the pairs: the :func:`content_of` both images, and all else that a verdict depends
            on.
        """
        return {key: self._kept[key] for key in keys if key in self._kept}

    def keep(self, keys: Sequence[bytes], verdicts: Sequence[float | None]) -> None:
        """Keep the verdicts on new pairs."""
        if len(self._kept) + len(keys) > self._most:
            self._kept.clear()
        self._kept.update(zip(keys, verdicts, strict=True))


def content_of(thumbnail: bytes) -> bytes:
    """What an image is told by: 16 bytes of its BLAKE2b hash."""
    return hashlib.blake2b(thumbnail, digest_size=16).digest()
