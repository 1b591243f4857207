"""Survey cutouts by position: the DESI Legacy Surveys viewer and SDSS SkyServer.

Source: the services' public documentation; nothing was checked against them. A position gives
the same image every time; outside the coverage the answer is a blank image with status 200.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from cosmic_morphology.replica.archives.galaxies import galaxy_at, light_of
from cosmic_morphology.replica.drawing import as_jpeg, blank
from cosmic_morphology.replica.renditions import served
from cosmic_morphology.replica.responses import FileResponse

MOST_PX = {"legacysurvey": 3000, "skyserver": 2048}
"""Larger sizes are cut to these without a word."""

_LAYERS = ("ls-dr10", "ls-dr9", "ls-dr10-grz")
# J2000 north galactic pole: ra, dec in degrees (Reid & Brunthaler 2004).
_POLE_DEG = (192.85948, 27.12825)


@dataclass(frozen=True)
class _CutoutRequest:
    ra_deg: float
    dec_deg: float
    scale_arcsec: float
    width: int
    height: int


def routes() -> list[BaseRoute]:
    """The endpoints under ``/legacysurvey`` and ``/skyserver``."""
    return [
        Route("/legacysurvey/viewer/cutout.jpg", _legacy),
        Route("/skyserver/{release}/SkyServerWS/ImgCutout/getjpeg", _sdss),
    ]


def covered(survey: str, ra_deg: float, dec_deg: float) -> bool:
    """Whether a survey (roughly) reaches a position: off the Milky Way, in its declinations.

    Parameters
    ----------
    survey : str
        ``legacysurvey`` or ``skyserver``.
    ra_deg, dec_deg : float
        J2000 position in degrees.
    """
    south, north = (-68.0, 84.0) if survey == "legacysurvey" else (-10.0, 70.0)
    pole_ra, pole_dec = map(math.radians, _POLE_DEG)
    ra, dec = math.radians(ra_deg), math.radians(dec_deg)
    sine = math.sin(dec) * math.sin(pole_dec)
    sine += math.cos(dec) * math.cos(pole_dec) * math.cos(ra - pole_ra)
    return south <= dec_deg <= north and abs(sine) > math.sin(math.radians(18))


async def _legacy(request: Request) -> Response | FileResponse:
    params = request.query_params
    if params.get("layer", _LAYERS[0]) not in _LAYERS:
        return PlainTextResponse("Invalid layer", 400)
    try:
        side = int(params.get("size", 256))
        asked = _read_request(request, float(params.get("pixscale", 0.262)), side, side)
    except (KeyError, ValueError):
        return PlainTextResponse("Invalid ra, dec, size or pixscale", 400)
    return _answer("legacysurvey", asked)


async def _sdss(request: Request) -> Response | FileResponse:
    params = request.query_params
    try:
        width, height = int(params.get("width", 512)), int(params.get("height", 512))
        asked = _read_request(request, float(params.get("scale", 0.396)), width, height)
    except (KeyError, ValueError):
        return PlainTextResponse("Invalid ra, dec, scale, width or height", 400)
    return _answer("skyserver", asked)


def _read_request(request: Request, scale_arcsec: float, width: int, height: int) -> _CutoutRequest:
    ra_deg = float(request.query_params["ra"])
    dec_deg = float(request.query_params["dec"])
    if not (-90 <= dec_deg <= 90 and -360 <= ra_deg <= 360 and scale_arcsec > 0):
        raise ValueError("position")
    if min(width, height) < 1:
        raise ValueError("size")
    return _CutoutRequest(ra_deg % 360, dec_deg, scale_arcsec, width, height)


def _answer(survey: str, asked: _CutoutRequest) -> FileResponse:
    most = MOST_PX[survey]
    width, height = min(asked.width, most), min(asked.height, most)
    if not covered(survey, asked.ra_deg, asked.dec_deg):
        return FileResponse(served(blank(width, height), "image/jpeg"))
    clamped = _CutoutRequest(asked.ra_deg, asked.dec_deg, asked.scale_arcsec, width, height)
    return FileResponse(served(_drawn(clamped), "image/jpeg"))


@lru_cache(maxsize=256)
def _drawn(asked: _CutoutRequest) -> bytes:
    """The galaxy of this place in the middle, noise and field stars around it."""
    galaxy = galaxy_at(asked.ra_deg, asked.dec_deg)
    rng = np.random.default_rng(galaxy.seed + 1)
    light = light_of(galaxy, asked.width, asked.height, asked.scale_arcsec)
    light *= rng.normal(1, 0.05, light.shape).astype(np.float32)
    red = galaxy.shape == "elliptical"
    colour = np.array([1.0, rng.uniform(0.75, 0.95), rng.uniform(0.5, 0.75) if red else
                       rng.uniform(0.7, 1.1)], dtype=np.float32)  # fmt: skip
    sky = rng.integers(8, 25, size=(asked.height, asked.width, 1), dtype=np.uint8)
    pixels = np.clip(light[..., None] * colour + sky, 0, 255).astype(np.uint8)
    for _ in range(rng.integers(2, 12)):
        row, column = rng.integers(0, asked.height), rng.integers(0, asked.width)
        pixels[row : row + 2, column : column + 2] = rng.integers(120, 255)
    return as_jpeg(pixels)
