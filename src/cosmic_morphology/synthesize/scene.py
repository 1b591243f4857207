"""What a class module paints: light on a frame, with the truth about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from cosmic_morphology.synthesize.fields.noise import Field

RenderParameters = dict[str, float | int | str | bool]
Colour = Sequence[float] | npt.NDArray[np.floating]


@dataclass(frozen=True)
class Frame:
    """The rectangle that is painted on.

    Coordinates are in units of the longer side, with the origin in the middle and y upwards,
    so that one recipe serves every size.
    """

    height: int
    width: int

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width in pixels."""
        return self.height, self.width

    @property
    def side(self) -> int:
        """The longer side in pixels."""
        return max(self.height, self.width)

    @property
    def half(self) -> tuple[float, float]:
        """Half width and half height, in units of the longer side."""
        return 0.5 * self.width / self.side, 0.5 * self.height / self.side

    def grid(self, x0: float = 0.0, y0: float = 0.0, *, angle: float = 0.0) -> tuple[Field, Field]:
        """Coordinates of all pixel centres around ``(x0, y0)``, turned by ``angle`` radians."""
        x, y = _axes(self.height, self.width)
        x, y = x - np.float32(x0), y - np.float32(y0)
        if angle == 0.0:
            return np.broadcast_to(x, self.shape), np.broadcast_to(y, self.shape)
        cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
        return x * cos + y * sin, y * cos - x * sin

    def canvas(self) -> Field:
        """A black canvas of shape ``(H, W, 3)``."""
        return np.zeros((self.height, self.width, 3), dtype=np.float32)

    def pixels(self, x: Field, y: Field) -> tuple[Field, Field]:
        """Column and row of places given in frame coordinates."""
        cols = np.asarray(x, dtype=np.float32) * self.side + (self.width - 1) / 2
        rows = (self.height - 1) / 2 - np.asarray(y, dtype=np.float32) * self.side
        return cols.astype(np.float32), rows.astype(np.float32)


@dataclass
class Scene:
    """A painted target in linear light, before any camera has looked at it.

    Attributes
    ----------
    light : numpy.ndarray
        Float32, shape ``(H, W, 3)``. 1 is the level of a well exposed highlight.
    target : numpy.ndarray
        Float32, shape ``(H, W)``: the light of the target alone, for its signal to noise.
    subtype : str
        What was painted within the class.
    object_px : float
        Characteristic diameter of the target in pixels.
    look : str
        ``deep`` (faint light, stretched), ``solid`` (a sunlit body, short exposure) or
        ``flat`` (a drawing or a photograph from Earth, no telescope in front of it).
    cameras : tuple of str
        Kinds of camera that take such images.
    truth : dict
        Parameters of the target, JSON-able.
    """

    light: Field
    target: Field
    subtype: str
    object_px: float
    look: str
    cameras: tuple[str, ...]
    truth: RenderParameters = field(default_factory=dict)


def choose(rng: np.random.Generator, weights: dict[str, float]) -> str:
    """One of the keys, with the given relative weights."""
    names = list(weights)
    p = np.array([weights[n] for n in names])
    return names[int(rng.choice(len(names), p=p / p.sum()))]


def rgb(colour: Colour) -> npt.NDArray[np.float32]:
    """A colour as a float32 array of shape ``(3,)``."""
    return np.asarray(colour, dtype=np.float32)


def tinted(field_: Field, colour: Colour) -> Field:
    """A ``(H, W)`` field as ``(H, W, 3)`` light of one colour."""
    return np.asarray(field_[..., None] * rgb(colour), dtype=np.float32)


def mixed(weight: Field, low: Colour, high: Colour) -> Field:
    """Colours between ``low`` (weight 0) and ``high`` (weight 1), shape ``(H, W, 3)``."""
    w = np.clip(weight, 0, 1)[..., None]
    return np.asarray(rgb(low) * (1 - w) + rgb(high) * w, dtype=np.float32)


def blackbody(kelvin: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Colour of a star: Planck's law at 610, 550 and 465 nm relative to the Sun's 5800 K.

    Parameters
    ----------
    kelvin : array_like
        Temperatures of shape ``(N,)`` or a single one, in kelvin.

    Returns
    -------
    numpy.ndarray
        Float32, shape ``(N, 3)`` or ``(3,)``; the mean of the channels is 1.

    Examples
    --------
    >>> red, _, blue = blackbody(3000)
    >>> bool(red > blue)
    True
    """
    wavelength = np.array([610e-9, 550e-9, 465e-9])
    hc_k = 1.43878e-2
    temperature = np.asarray(kelvin, dtype=np.float64)[..., None]
    planck = 1.0 / np.expm1(hc_k / (wavelength * temperature))
    colours = planck * np.expm1(hc_k / (wavelength * 5800.0))
    colours /= colours.mean(axis=-1, keepdims=True)
    return np.asarray(colours, dtype=np.float32)


def smoothstep(low: float, high: float, x: Field) -> Field:
    """0 below ``low``, 1 above ``high``, smooth between (also for ``high < low``).

    Examples
    --------
    >>> smoothstep(0.0, 1.0, np.array([-1.0, 0.5, 2.0])).tolist()
    [0.0, 0.5, 1.0]
    """
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), dtype=np.float32)


@lru_cache(maxsize=64)
def _axes(height: int, width: int) -> tuple[Field, Field]:
    side = max(height, width)
    x = (np.arange(width, dtype=np.float32) - (width - 1) / 2) / side
    y = ((height - 1) / 2 - np.arange(height, dtype=np.float32)) / side
    return x[None, :].astype(np.float32), y[:, None].astype(np.float32)
