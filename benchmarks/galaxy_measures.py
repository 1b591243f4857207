"""What can be measured of the galaxy in the middle of an image, and which way its arms turn.

Concentration, asymmetry and smoothness (Conselice 2003, ApJS 147, 1), Gini and M20 (Lotz et al.
2004, AJ 128, 163), moments, colours, second peaks; and the power of logarithmic spirals of both
directions (Davis et al. 2012, ApJS 199, 33). Nothing here is learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

RINGS, ANGLES = 48, 96
_ARMS = (1, 2, 3, 4)
_WINDINGS = ((1, 3), (3, 6), (6, 10), (10, 18))
_EDGES_PX = (1, 2)


@dataclass(frozen=True)
class Outline:
    """The galaxy in the middle: its pixels above the sky, its brightest point and its moments."""

    light: np.ndarray
    inside: np.ndarray
    centre: tuple[int, int]
    sky: float
    lengths: tuple[float, float]
    axis: np.ndarray


def outline(pixels: np.ndarray) -> Outline:
    """Find it: what is connected with the middle and brighter than the sky by four sigma."""
    grey = pixels.astype(float).mean(2)
    inside, sky = _inside(grey, 6)
    height = len(grey)
    if inside is None:
        y, x = np.indices(grey.shape)
        inside = np.hypot(y - height / 2, x - grey.shape[1] / 2) < 25
    peaks = ndimage.gaussian_filter(grey, 2)
    half = height // 2
    near = peaks[half - 10 : half + 11, half - 10 : half + 11]
    up, right = np.unravel_index(near.argmax(), near.shape)
    centre = (half - 10 + int(up), half - 10 + int(right))
    light = np.clip(grey - sky, 0, None)
    lengths, axes = _moments(np.sqrt(light) + 0.1, inside, centre)
    return Outline(light, inside, centre, sky, lengths, axes[:, 1])


def _inside(grey: np.ndarray, reach_px: int) -> tuple[np.ndarray | None, float]:
    """Pixels of what touches the middle, and the sky's level; None where nothing does."""
    smooth = ndimage.gaussian_filter(grey, 1.5)
    sky = float(np.median(smooth))
    sigma = 1.4826 * np.median(np.abs(smooth - sky)) + 1e-6
    parts, _ = ndimage.label(smooth > sky + max(4 * sigma, 6))
    y, x = (side // 2 for side in grey.shape)
    middle = parts[y - reach_px : y + reach_px + 1, x - reach_px : x + reach_px + 1]
    if not (middle > 0).any():
        return None, sky
    return parts == np.bincount(middle[middle > 0]).argmax(), sky


def _moments(
    weight: np.ndarray, inside: np.ndarray, centre: tuple[int, int]
) -> tuple[tuple[float, float], np.ndarray]:
    """Lengths along both axes, short one first, and the axes."""
    y, x = np.nonzero(inside)
    away, w = np.stack([x - centre[1], y - centre[0]]), weight[inside]
    squares, axes = np.linalg.eigh((w * away) @ away.T / max(w.sum(), 1e-6))
    short, long = np.sqrt(np.maximum(squares, 0.25))
    return (float(short), float(long)), axes


def radius_px(pixels: np.ndarray) -> float:
    """The radius around the image's middle that holds 95 % of the galaxy's pixels."""
    inside, _ = _inside(pixels.astype(float).mean(2), 4)
    if inside is None:
        return 30.0
    y, x = np.nonzero(inside)
    return float(np.percentile(np.hypot(y - len(pixels) / 2, x - len(pixels) / 2), 95))


def structure(pixels: np.ndarray) -> np.ndarray:
    """Its form and colours, shape ``(28,)``."""
    found = outline(pixels)
    light, inside, (cy, cx) = found.light, found.inside, found.centre
    flux = light[inside]
    total = flux.sum() + 1e-6
    y, x = np.nonzero(inside)
    away = np.hypot(y - cy, x - cx)
    order = np.argsort(away)
    grown = np.cumsum(flux[order]) / total
    r20, r50, r80 = (away[order][min(np.searchsorted(grown, share), len(order) - 1)] + 1
                     for share in (0.2, 0.5, 0.8))  # fmt: skip
    short, long = found.lengths
    (near, far), _ = _moments(light, inside, found.centre)
    room = min(cy, cx, len(light) - cy - 1, light.shape[1] - cx - 1)
    side = int(np.clip(2.5 * long, 10, room))
    cut = (slice(cy - side, cy + side + 1), slice(cx - side, cx + side + 1))
    part, own = light[cut], inside[cut].astype(float)
    blurred = ndimage.uniform_filter(part, max(3, int(0.5 * r50)))
    rough = np.clip(part - blurred, 0, None)[own > 0].sum() / (part[own > 0].sum() + 1e-6)
    smooth = ndimage.gaussian_filter(light, 1.5)
    brightest = pixels.max(2) > 250
    return np.array([
        short / long, near / far, np.log(long), np.log(r50), np.log(r80 / r20),
        _gini(flux), _m20(flux, away, total),
        np.abs(part - part[::-1, ::-1]).sum() / (2 * part.sum() + 1e-6),
        np.abs(own - own[::-1, ::-1]).sum() / (2 * own.sum() + 1),
        rough, *_colours(pixels, inside, away < r50),
        np.log(smooth.max() + 1), np.log(smooth[inside].max() + 1), *_peaks(found, smooth),
        inside.sum() / (4 * np.pi * short * long + 1),
        np.log1p(found.sky), float(np.subtract(*np.median(pixels, (0, 1))[[0, 2]])),
        np.log1p(ndimage.label(smooth > 30)[1]), np.sqrt(brightest.mean()),
        brightest[inside].mean(), np.log(total), np.log(inside.sum()), pixels.std(),
    ])  # fmt: skip


def _gini(flux: np.ndarray) -> float:
    ranked, n = np.sort(flux), len(flux)
    ranks = 2 * np.arange(1, n + 1) - n - 1
    return float((ranks * ranked).sum() / (ranked.mean() * n * max(n - 1, 1) + 1e-6))


def _m20(flux: np.ndarray, away: np.ndarray, total: float) -> float:
    moment, order = flux * away**2, np.argsort(-flux)
    n = int(np.searchsorted(np.cumsum(flux[order]), 0.2 * total)) + 1
    return float(np.log10(moment[order][:n].sum() / (moment.sum() + 1e-6) + 1e-3))


def _colours(pixels: np.ndarray, inside: np.ndarray, inner: np.ndarray) -> list[float]:
    """Red and blue against green, of the whole and of the inner half."""
    sky = np.median(pixels, axis=(0, 1))
    own = np.clip(pixels[inside] - sky, 0, None)
    return [
        float(np.log((own[rows, band].sum() + 1) / (own[rows, 1].sum() + 1)))
        for rows in (slice(None), inner)
        for band in (0, 2)
    ]


def _peaks(found: Outline, smooth: np.ndarray) -> tuple[float, float, float]:
    """How many peaks it has, how bright the second is, and how far the farthest."""
    least = 0.15 * smooth[found.inside].max()
    at = (ndimage.maximum_filter(smooth, 7) == smooth) & found.inside & (smooth > least)
    heights, (y, x) = np.sort(smooth[at])[::-1], np.nonzero(at)
    second = heights[1] / heights[0] if len(heights) > 1 else 0.0
    far = np.hypot(y - found.centre[0], x - found.centre[1]).max(initial=0) / found.lengths[1]
    return float(len(heights)), float(second), float(far)


def spirals(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """What a mirror leaves as it is, and what changes its sign: both of shape ``(66,)``.

    The galaxy is seen from above (by its axis ratio), unrolled in angle and logarithm of the
    radius, where logarithmic spirals are straight; their power is that of its Fourier modes.
    """
    found = outline(pixels)
    bands = pixels.astype(float)
    same, signed = [], []
    for band in (bands.mean(2), bands[..., 2], bands[..., 0]):
        rings = _unrolled(found, band)
        rings = rings - rings.mean(1, keepdims=True)
        rings /= rings.std(1, keepdims=True) + 2
        rings *= np.hanning(RINGS)[:, None]
        power = np.abs(np.fft.fft2(rings, s=(96, ANGLES))) ** 2
        power /= power.sum() + 1e-9
        for arms in _ARMS:
            for low, high in _WINDINGS:
                one = np.sqrt(power[low:high, arms].sum())
                other = np.sqrt(power[[-k for k in range(low, high)], arms].sum())
                same.append(one + other)
                signed.append(one - other)
        for sigma in _EDGES_PX:
            around = ndimage.gaussian_filter(rings, sigma, order=(0, 1), mode=("nearest", "wrap"))
            out = ndimage.gaussian_filter(rings, sigma, order=(1, 0), mode=("nearest", "wrap"))
            for part in np.array_split(np.arange(RINGS), 3):
                a, o = around[part], out[part]
                strength = (a**2 + o**2).sum() + 1e-9
                signed.append((a * o).sum() / strength)
                same.append((a**2 - o**2).sum() / strength)
    return np.array(same), np.array(signed)


def _unrolled(found: Outline, band: np.ndarray) -> np.ndarray:
    short, long = found.lengths
    ratio = max(short / long, 0.3)
    most = float(np.clip(2.3 * long, 12, len(band) / 2))
    radius = np.geomspace(0.12 * most, most, RINGS)[:, None]
    angle = np.linspace(0, 2 * np.pi, ANGLES, endpoint=False)[None]
    along, across = radius * np.cos(angle), radius * np.sin(angle) * ratio
    ax, ay = found.axis
    x = found.centre[1] + along * ax - across * ay
    y = found.centre[0] + along * ay + across * ax
    return ndimage.map_coordinates(band, [y, x], order=1, mode="nearest")


def measures(pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All that a mirror leaves as it is, and all that changes its sign."""
    same, signed = spirals(pixels)
    return np.nan_to_num(np.concatenate([same, np.abs(signed), structure(pixels)])), signed
