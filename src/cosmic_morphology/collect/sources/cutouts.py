"""Survey cutouts for a table of positions: the DESI Legacy Surveys and SDSS.

Labels and volunteers' votes come from the table (one of Galaxy Zoo's catalogues, say), images from
the survey. Outside its coverage a survey answers 200 with a blank image: it is recognised and
counted, never stored.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlencode

from pydantic import Field

from cosmic_morphology.atlas import Record
from cosmic_morphology.collect.sources.base import (
    JsonClient,
    SkippedRecord,
    SkipReason,
    Slice,
    SourceItem,
    SourceRequest,
)
from cosmic_morphology.collect.sources.options import Options
from cosmic_morphology.collect.sources.positions import Position, Positions
from cosmic_morphology.errors import UsageError
from cosmic_morphology.imaging import IngestedImage
from cosmic_morphology.suggest import suggest_names

SURVEYS = {
    "legacysurvey": "https://www.legacysurvey.org",
    "skyserver": "https://skyserver.sdss.org",
}
MAX_PX = {"legacysurvey": 3000, "skyserver": 2048}
"""Larger sizes are cut by the surveys without a word."""

_SCALES_ARCSEC = {"legacysurvey": 0.262, "skyserver": 0.396}
_CREDITS = {
    "legacysurvey": "Legacy Surveys / D. Lang (Perimeter Institute)",
    "skyserver": "Sloan Digital Sky Survey (SDSS)",
}
_BLANK = 0.99


class CutoutsOptions(Options):
    """Options of :class:`Cutouts`."""

    table: Path | None = None
    columns: dict[str, str] | str = ""
    size_px: int = 256
    scale_arcsec: float | None = Field(None, gt=0, le=3600)
    layer: str = Field("ls-dr10", pattern=r"^[A-Za-z0-9._-]+$")
    release: str = Field("dr18", pattern=r"^[A-Za-z0-9_-]+$")


class Cutouts:
    """An image for each row of a table.

    Queries are surveys (``legacysurvey`` without any, or ``skyserver``). Options: ``table`` (CSV,
    Parquet, FITS or VOTable with ``ra`` and ``dec``, in degrees or as 12:34:56), ``columns``
    (their names, where they are not the usual ones: ``ra=ALPHA,dec=DELTA``), ``size_px`` (256),
    ``scale_arcsec`` (a pixel's side; the survey's own by default), ``layer`` (``ls-dr10``),
    ``release`` (``dr18``).

    Parameters
    ----------
    wanted : SourceRequest
        The job.
    """

    name = "cutouts"
    hosts = ("www.legacysurvey.org", "skyserver.sdss.org")
    # Inferred: no archive publishes a number.
    requests_per_s = MappingProxyType(dict.fromkeys(hosts, 2.0))

    def __init__(self, wanted: SourceRequest) -> None:
        self.queries = wanted.job.queries or ("legacysurvey",)
        root = wanted.job.root.rstrip("/")
        for survey in self.queries:
            if survey not in SURVEYS:
                raise UsageError(
                    f"there is no survey {survey!r}",
                    where="sources.queries",
                    todo=suggest_names(survey, SURVEYS),
                )
        self._roots = {s: f"{root}/{s}" if root else SURVEYS[s] for s in self.queries}
        options = wanted.read_options(CutoutsOptions)
        self._size_px, self._scale_arcsec = options.size_px, options.scale_arcsec
        self._layer, self._release = options.layer, options.release
        for survey in self.queries:
            if not 16 <= self._size_px <= MAX_PX[survey]:
                raise UsageError(
                    f"{self._size_px} px is no size that {survey} gives",
                    where="sources.options.size_px",
                    todo=f"Give 16 to {MAX_PX[survey]}.",
                )
        if options.table is None:
            raise UsageError(
                "cutouts need a table of positions",
                where="sources.options.table",
                todo="Name a CSV, FITS or Parquet file with ra and dec in degrees.",
            )
        self._positions = Positions(options.table, options.columns)

    async def slices(self, ask: JsonClient) -> AsyncIterator[Slice]:
        """The table, once for each survey."""
        del ask
        rows = len(self._positions)
        for survey in self.queries:
            yield Slice(survey, survey, rows, rows)

    async def records(self, ask: JsonClient, part: Slice) -> AsyncIterator[SourceItem]:
        """One record for each row."""
        del ask
        for at, position in enumerate(self._positions):
            if not position.is_on_the_sky:
                row = f"{part.query}/row-{at}"
                yield SkippedRecord(
                    row, SkipReason.MALFORMED, f"row {at + 1} of the table is no position"
                )
            else:
                yield self._record(position, part.query)

    def check_image(self, record: Record, intake: IngestedImage) -> str:
        """``blank`` for an image without anything on it: the survey does not reach there."""
        del record
        return "blank" if intake.blankness >= _BLANK else ""

    def _record(self, position: Position, survey: str) -> Record:
        scale = self._scale_arcsec or _SCALES_ARCSEC[survey]
        place = position.place
        # Another place, layer, scale or size is another image, whatever a table calls it.
        taken = self._layer if survey == "legacysurvey" else self._release
        named = f"{position.identifier}@{place}" if position.identifier else place
        said = {
            "ra_deg": position.ra_deg,
            "dec_deg": position.dec_deg,
            "pixel_scale_arcsec": scale,
            "size_px": self._size_px,
        }
        return Record(
            source=self.name,
            source_id=f"{survey}/{named}/{taken}/{scale:g}x{self._size_px}",
            title=position.identifier or place,
            credit=_CREDITS[survey],
            image_url=self._address(position, survey, scale),
            queries=(f"{self.name}:{survey}",),
            given_label=position.label,
            answers=position.answers,
            names=(position.identifier,) if position.identifier else (),
            collection=survey,
            # The same place seen by two surveys may not be parted by a split.
            lineage=(f"sky:{place}",),
            parameters=json.dumps(said),
        )

    def _address(self, position: Position, survey: str, scale_arcsec: float) -> str:
        where = {"ra": f"{position.ra_deg:.6f}", "dec": f"{position.dec_deg:.6f}"}
        if survey == "legacysurvey":
            asked = {"layer": self._layer, "pixscale": f"{scale_arcsec:g}", "size": self._size_px}
            return f"{self._roots[survey]}/viewer/cutout.jpg?{urlencode(where | asked)}"
        asked = {"scale": f"{scale_arcsec:g}", "width": self._size_px, "height": self._size_px}
        path = f"{self._release}/SkyServerWS/ImgCutout/getjpeg"
        return f"{self._roots[survey]}/{path}?{urlencode(where | asked)}"
