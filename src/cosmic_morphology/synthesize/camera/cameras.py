"""Kinds of camera, with the circumstances of one night each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from cosmic_morphology.synthesize.scene import Scene


@dataclass(frozen=True)
class Camera:
    """One camera with its night.

    Attributes
    ----------
    kind : str
        ``amateur``, ``smart`` (a small automatic telescope), ``plate`` (a digitised sky
        survey on photographic plates), ``survey``, ``space``, ``spacecraft`` or ``photo``.
    psf, fwhm_px, spider_deg : str, float, float
        Point-spread function, its width in pixels and the angle of its spikes in degrees.
    softening : float
        Where the asinh stretch turns from linear to logarithmic (Lupton et al. 2004, PASP 116,
        133), as a fraction of the highlight level: smaller shows fainter light.
    noise : float
        Read and sky noise, as a fraction of ``softening``.
    shot : float
        Growth of the noise with the square root of the light.
    sky : tuple of float
        Displayed colour of the empty sky, 0 to 1.
    gradient : float
        Light pollution or vignetting over the frame, 0 to 1.
    saturation : float
        Colour strength: 0 is monochrome.
    pixel_scale_arcsec : float
        Angle of one pixel on the sky.
    """

    kind: str
    psf: str
    fwhm_px: float
    spider_deg: float
    softening: float
    noise: float
    shot: float
    sky: tuple[float, float, float]
    gradient: float
    saturation: float
    pixel_scale_arcsec: float


def pick_camera(rng: np.random.Generator, scene: Scene, *, side_px: int) -> Camera:
    """A camera of one of the scene's kinds, with a night's worth of circumstances.

    ``fwhm_px`` is given for 256 px and grows with the size of the image.
    """
    kind = scene.cameras[int(rng.integers(len(scene.cameras)))]
    return CAMERAS[kind](rng, max(side_px / 256, 0.5))


def _amateur(rng: np.random.Generator, size: float) -> Camera:
    """A camera on a private telescope: any seeing, often a Newtonian with a spider."""
    u = rng.uniform
    newton = rng.random() < 0.3
    sky = _grey_sky(rng, 0.01, 0.10)
    if rng.random() < 0.2:
        blue = float(u(0.05, 0.25))
        sky = (blue * 0.45, blue * 0.6, blue)
    return Camera(
        kind="amateur",
        psf="newton" if newton else "moffat",
        fwhm_px=u(1.0, 2.0) * size,
        spider_deg=float(u(0, 90)) if rng.random() < 0.4 else 0.0,
        softening=_logarithmic(rng, 0.02, 0.3),
        noise=_logarithmic(rng, 0.02, 0.22),
        shot=0.03,
        sky=sky,
        gradient=u(0, 0.25),
        saturation=u(0.8, 1.8),
        pixel_scale_arcsec=u(0.6, 6.0),
    )


def _smart(rng: np.random.Generator, size: float) -> Camera:
    """A small automatic telescope: short exposures, wide field, a grey noisy sky."""
    u = rng.uniform
    grey = float(u(0.05, 0.16))
    return Camera(
        kind="smart",
        psf="moffat",
        fwhm_px=u(0.9, 1.6) * size,
        spider_deg=0.0,
        softening=_logarithmic(rng, 0.08, 0.5),
        noise=_logarithmic(rng, 0.05, 0.28),
        shot=0.03,
        sky=(grey * float(u(0.95, 1.2)), grey, grey * float(u(0.95, 1.15))),
        gradient=u(0, 0.2),
        saturation=u(0.5, 1.2),
        pixel_scale_arcsec=u(2.0, 8.0),
    )


def _plate(rng: np.random.Generator, size: float) -> Camera:
    """Sky surveys on photographic plates, shown with their blue sky and soft bright stars."""
    u = rng.uniform
    blue = float(u(0.25, 0.42))
    return Camera(
        kind="plate",
        psf="newton" if rng.random() < 0.35 else "moffat",
        fwhm_px=u(1.4, 2.4) * size,
        spider_deg=0.0,
        softening=_logarithmic(rng, 0.08, 0.5),
        noise=_logarithmic(rng, 0.02, 0.2),
        shot=0.03,
        sky=(blue * float(u(0.3, 0.45)), blue * float(u(0.5, 0.65)), blue),
        gradient=u(0, 0.15),
        saturation=u(0.6, 1.2),
        pixel_scale_arcsec=u(1.0, 6.0),
    )


def _survey(rng: np.random.Generator, size: float) -> Camera:
    """Digital surveys such as SDSS (0.396 arcsec a pixel) and Legacy (0.262)."""
    u = rng.uniform
    return Camera(
        kind="survey",
        psf="kolmogorov" if rng.random() < 0.4 else "moffat",
        fwhm_px=u(1.0, 2.2) * size,
        spider_deg=0.0,
        softening=_logarithmic(rng, 0.03, 0.25),
        noise=_logarithmic(rng, 0.03, 0.25),
        shot=0.03,
        sky=_grey_sky(rng, 0.01, 0.07),
        gradient=0.0,
        saturation=u(0.9, 1.7),
        pixel_scale_arcsec=u(0.26, 1.0),
    )


def _space(rng: np.random.Generator, size: float) -> Camera:
    """Hubble and Webb: sharp, deep, black sky, spikes on every bright star."""
    u = rng.uniform
    return Camera(
        kind="space",
        psf="hubble" if rng.random() < 0.75 else "webb",
        fwhm_px=u(0.8, 1.3) * size,
        spider_deg=float(u(0, 90)),
        softening=_logarithmic(rng, 0.03, 0.3),
        noise=_logarithmic(rng, 0.01, 0.12),
        shot=0.01,
        sky=_grey_sky(rng, 0.0, 0.05),
        gradient=0.0,
        saturation=u(0.9, 1.7),
        pixel_scale_arcsec=u(0.03, 0.2),
    )


def _spacecraft(rng: np.random.Generator, size: float) -> Camera:
    """A camera on a probe: short exposures of sunlit bodies, often without colour."""
    u = rng.uniform
    return Camera(
        kind="spacecraft",
        psf="moffat",
        fwhm_px=u(0.7, 1.4) * size,
        spider_deg=0.0,
        softening=1.0,
        noise=_logarithmic(rng, 0.0002, 0.006),
        shot=0.006,
        sky=(0.0, 0.0, 0.0),
        gradient=0.0,
        saturation=0.0 if rng.random() < 0.25 else float(u(0.8, 1.3)),
        pixel_scale_arcsec=u(0.5, 5.0),
    )


def _photo(rng: np.random.Generator, size: float) -> Camera:
    """An everyday camera, or none: drawings and photographs from the ground."""
    noise = _logarithmic(rng, 0.0002, 0.004)
    return Camera("photo", "moffat", 0.8 * size, 0.0, 1.0, noise, 0.004, (0, 0, 0), 0.0, 1.0, 60.0)


CAMERAS: dict[str, Callable[[np.random.Generator, float], Camera]] = {
    "amateur": _amateur,
    "smart": _smart,
    "plate": _plate,
    "survey": _survey,
    "space": _space,
    "spacecraft": _spacecraft,
    "photo": _photo,
}


def _logarithmic(rng: np.random.Generator, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def _grey_sky(rng: np.random.Generator, low: float, high: float) -> tuple[float, float, float]:
    """A dark sky, nearly without colour."""
    level = float(rng.uniform(low, high))
    red, green, blue = (float(np.clip(level + v, 0, 1)) for v in rng.uniform(-0.015, 0.015, 3))
    return red, green, blue
