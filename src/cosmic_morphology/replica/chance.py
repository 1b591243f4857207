"""Chance that comes out the same on every machine and in every run."""

from __future__ import annotations

from zlib import crc32

_SPAN = 2**32


def chance(what: str, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its two texts.

    ``what`` separates the questions that are asked about one ``key``.
    """
    # CRC32 alone is linear: texts that differ in one digit would give related numbers.
    mixed = crc32(f"{key}\0{what}".encode())
    mixed = ((mixed ^ (mixed >> 16)) * 0x45D9F3B) % _SPAN
    mixed = ((mixed ^ (mixed >> 16)) * 0x45D9F3B) % _SPAN
    return (mixed ^ (mixed >> 16)) / _SPAN
