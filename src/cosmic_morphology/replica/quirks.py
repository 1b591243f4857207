"""How far an archive departs from its own description; chance that is the same in every run."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any
from zlib import crc32


@dataclass(frozen=True)
class Quirks:
    """Shares in [0, 1] of the records that show an oddity; the same records every time.

    The defaults change no text and take no image away that the archive would give.

    Attributes
    ----------
    no_links : float
        Items without links: the search says nothing about their files.
    canonical_only : float
        Items with the original as their only file (seen: about 8 %).
    joined_keywords : float
        Keywords as one string, joined by commas.
    html : float
        Descriptions with tags and entities.
    missing_fields : float
        Items without ``location``, ``photographer``, ``secondary_creator`` and
        ``description_508``.
    title_as_description : float
        Descriptions that only repeat the title (seen: about 14 %). Off, because it takes
        words away that the catalogue has.
    raw_spaces : float
        Links with unescaped spaces in the file name.
    tif_original : float
        Originals that are TIFF.
    http_links : float
        Links that begin with ``http://`` where the host speaks https. It shows only with
        ``real_hosts``: on loopback everything is http.
    opt_out : float
        Images whose answer asks, in ``X-Robots-Tag``, not to be used for training.
    apod_logo : float
        Days of APOD whose image is the agency's logo.
    apod_video : float
        Days of APOD that are a video, with a poster as their image.
    d2d_bytes_bug : float
        Titles of the djangoplicity feeds that read ``b'...'``.
    d2d_language : float
        Identifiers of the djangoplicity feeds with a language suffix.
    commons_throttled : float
        Originals of Commons that answer 429 to anything but a browser.
    real_hosts : bool
        Links of NASA's library name its own hosts instead of this server.
    apod_per_page : int
        Longer lists of APOD are cut to this length without a word (disputed: 25 or 100).
    d2d_off : tuple of str
        Djangoplicity sites that have switched their feed off.
    """

    no_links: float = 0.01
    canonical_only: float = 0.08
    joined_keywords: float = 0.05
    html: float = 0.05
    missing_fields: float = 0.05
    title_as_description: float = 0.0
    raw_spaces: float = 0.03
    tif_original: float = 0.02
    http_links: float = 0.3
    opt_out: float = 0.0
    apod_logo: float = 0.0
    apod_video: float = 0.03
    d2d_bytes_bug: float = 0.02
    d2d_language: float = 0.02
    commons_throttled: float = 0.3
    real_hosts: bool = False
    apod_per_page: int = 100
    d2d_off: tuple[str, ...] = ()

    @classmethod
    def none(cls) -> Quirks:
        """An archive that does everything by its own book."""
        rates: dict[str, Any] = {f.name: 0.0 for f in fields(cls) if f.type == "float"}
        return cls(**rates)

    def has(self, name: str, nasa_id: str) -> bool:
        """Whether the record shows the oddity ``name``."""
        rate: float = getattr(self, name)
        return rate > 0 and hash_uniform(name, nasa_id) < rate


_SPAN = 2**32


def hash_uniform(what: str, key: str) -> float:
    """A number in [0, 1) that depends on nothing but its two texts.

    ``what`` separates the questions that are asked about one ``key``.
    """
    # CRC32 alone is linear: texts that differ in one digit would give related numbers.
    mixed = crc32(f"{key}\0{what}".encode())
    mixed = ((mixed ^ (mixed >> 16)) * 0x45D9F3B) % _SPAN
    mixed = ((mixed ^ (mixed >> 16)) * 0x45D9F3B) % _SPAN
    return (mixed ^ (mixed >> 16)) / _SPAN
