"""Cameras: from light on the frame to the bytes of an image.

A scene knows nothing of telescopes. Here it is smeared by a point-spread function, put on a
sky, given noise, stretched for the eye and coloured, as the camera that took it would.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from cosmic_morphology.synthesize.camera.cameras import Camera
from cosmic_morphology.synthesize.camera.psf import convolved, drawn_width
from cosmic_morphology.synthesize.fields.noise import Field, blurred, power_law, unit
from cosmic_morphology.synthesize.scene import RenderParameters, Scene, rgb

Pixels = npt.NDArray[np.uint8]
LUMINANCE = np.array([0.30, 0.59, 0.11], dtype=np.float32)


def expose(
    rng: np.random.Generator, scene: Scene, camera: Camera
) -> tuple[Pixels, RenderParameters]:
    """Take the image.

    Returns
    -------
    pixels : numpy.ndarray
        Uint8, shape ``(H, W, 3)``.
    truth : dict
        The camera's part of the truth; ``signal_to_noise`` is that of a matched filter over
        the whole target, ``sqrt(sum((signal / sigma)**2))``.
    """
    light = scene.light
    if scene.look != "flat":
        light = convolved(light, camera.psf, camera.fwhm_px, camera.spider_deg)
    sigma = camera.noise * camera.softening
    level = light @ LUMINANCE
    spread = np.sqrt(sigma**2 + (camera.shot**2) * camera.softening * np.maximum(level, 0))
    noisy = light + _grain(rng, light.shape, camera) * spread[..., None]
    shown = _stretched(rng, noisy, camera) if scene.look == "deep" else _developed(rng, noisy)
    shown = _coloured(shown, camera.saturation)
    if scene.look == "deep":
        shown = _on_sky(rng, shown, camera)
    if scene.truth.get("negative"):
        # Observers show faint tails dark on white.
        shown = np.repeat(1.0 - (shown @ LUMINANCE)[..., None], 3, axis=2)
    pixels = np.asarray(np.clip(shown, 0, 1) * 255 + 0.5).astype(np.uint8)
    ratio = np.maximum(scene.target, 0) / np.maximum(spread, 1e-3)
    truth: RenderParameters = {
        "instrument": camera.kind,
        "psf": camera.psf,
        "psf_fwhm_px": drawn_width(camera.fwhm_px),
        "pixel_scale_arcsec": round(float(camera.pixel_scale_arcsec), 3),
        "stretch_softening": round(float(camera.softening), 4),
        "signal_to_noise": round(float(np.sqrt(np.square(ratio, dtype=np.float64).sum())), 2),
    }
    return pixels, truth


def _grain(rng: np.random.Generator, shape: tuple[int, ...], camera: Camera) -> Field:
    """Unit noise: partly common to the channels, clumped where images were resampled."""
    grain = rng.standard_normal(shape, dtype=np.float32)
    common = rng.standard_normal(shape[:2], dtype=np.float32)[..., None]
    # Debayering and colour stretches leave little, or a lot, of coloured noise.
    coloured = np.float32(rng.uniform(0.1, 0.6))
    grain = coloured * grain + np.float32(np.sqrt(1 - coloured**2)) * common
    if camera.kind in {"plate", "smart", "amateur"}:
        clump = float(rng.uniform(0.0, 1.0))
        if clump > 0.35:
            grain = blurred(grain, clump)
            grain = grain / np.float32(max(float(grain.std()), 1e-3))
    return np.asarray(grain, dtype=np.float32)


def _stretched(rng: np.random.Generator, light: Field, camera: Camera) -> Field:
    """Asinh stretch to 0..1; by luminance it keeps star colours, by channel it burns them out."""
    soft = np.float32(camera.softening)
    top = np.float32(np.arcsinh(1.0 / soft))
    if rng.random() < 0.35:
        return np.asarray(np.arcsinh(light / soft) / top, dtype=np.float32)
    level = np.abs(light @ LUMINANCE)
    gain = np.arcsinh(level / soft) / top / np.maximum(level, 1e-6)
    shown = light * gain[..., None]
    over = np.maximum(shown.max(axis=2, keepdims=True) - 1.0, 0)
    return np.asarray(np.minimum(shown, 1) + 0.35 * over, dtype=np.float32)


def _developed(rng: np.random.Generator, light: Field) -> Field:
    """A power-law tone curve, for light that needs no stretch."""
    gamma = float(rng.uniform(1.5, 2.3))
    return np.asarray(np.maximum(light, 0) ** (1 / gamma), dtype=np.float32)


def _coloured(shown: Field, saturation: float) -> Field:
    grey = (shown @ LUMINANCE)[..., None]
    return np.asarray(grey + (shown - grey) * np.float32(saturation), dtype=np.float32)


def _on_sky(rng: np.random.Generator, shown: Field, camera: Camera) -> Field:
    """Put the image on its sky, which is never quite black nor quite flat."""
    sky = rgb(camera.sky)
    height, width = shown.shape[:2]
    base = np.broadcast_to(sky, (height, width, 3))
    if camera.gradient > 0.03:
        phi = rng.uniform(0, 2 * np.pi)
        y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
        slope = 1.0 + camera.gradient * (x * np.cos(phi) + y * np.sin(phi))
        if rng.random() < 0.3:
            slope = slope * (1.15 - 0.3 * camera.gradient * (x**2 + y**2))
        base = base * slope[..., None].astype(np.float32)
    if camera.kind == "plate" and rng.random() < 0.5:
        mottle = unit(power_law(rng, (height, width), 2.0))[..., None]
        base = base * (0.9 + 0.2 * mottle)
    return np.asarray(base + shown * (1 - base), dtype=np.float32)
