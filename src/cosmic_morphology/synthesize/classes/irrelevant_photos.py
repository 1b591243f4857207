"""Photographs from Earth that archives file under sky words: launches, domes, landscapes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from cosmic_morphology.synthesize.fields.noise import Field, billow, blurred, power_law, unit
from cosmic_morphology.synthesize.scene import Colour, Frame, choose, mixed, rgb, smoothstep

SKIES: dict[str, tuple[Colour, Colour]] = {
    "day": ([0.25, 0.5, 0.85], [0.75, 0.87, 0.97]),
    "sunset": ([0.16, 0.14, 0.35], [1.0, 0.5, 0.2]),
    "dusk": ([0.03, 0.06, 0.18], [0.35, 0.3, 0.4]),
    "night": ([0.01, 0.015, 0.04], [0.06, 0.09, 0.16]),
    "grey": ([0.6, 0.63, 0.67], [0.82, 0.83, 0.85]),
}


def _sky(rng: np.random.Generator, frame: Frame, kind: str) -> Field:
    """A sky with its gradient and clouds, ``(H, W, 3)``, as shown."""
    top, low = SKIES[kind]
    down = np.linspace(0, 1, frame.height, dtype=np.float32)[:, None]
    weight = np.broadcast_to(down, frame.shape) ** np.float32(1.3)
    shown = mixed(weight, top, low)
    if kind != "night" and rng.random() < 0.7:
        clouds = smoothstep(0.0, 1.6, billow(rng, frame.shape))[..., None]
        tint = rgb([1.0, 0.98, 0.97]) if kind in {"day", "grey"} else rgb([1.0, 0.6, 0.45])
        shown = shown * (1 - 0.7 * clouds) + 0.7 * clouds * tint * np.float32(0.9)
    return np.asarray(shown, dtype=np.float32)


def _stars(rng: np.random.Generator, shown: Field, count: int) -> None:
    height, width = shown.shape[:2]
    rows, cols = rng.integers(0, height, count), rng.integers(0, width, count)
    shown[rows, cols] = np.maximum(shown[rows, cols], rng.uniform(0.2, 1, (count, 1)))


def _ground(
    rng: np.random.Generator, frame: Frame, shown: Field, level: float, tone: Colour
) -> Field:
    """A horizon with hills, trees or sea, below ``level`` of the height; returns its mask."""
    ridge = power_law(rng, (1, frame.width), float(rng.uniform(2.0, 4.0)))[0]
    hills = level * frame.height + ridge * frame.height * float(rng.uniform(0.005, 0.06))
    rows = np.arange(frame.height, dtype=np.float32)[:, None]
    mask = np.clip(rows - hills[None, :], 0, 1)
    texture = 0.55 + 0.3 * power_law(rng, frame.shape, 1.8, outer=4.0)
    depth = np.clip((rows - hills[None, :]) / frame.height, 0, 1)
    land = rgb(tone) * (np.clip(texture, 0.05, 1.5) * (0.7 + depth))[..., None]
    shown *= 1 - mask[..., None]
    shown += land * mask[..., None]
    return np.asarray(mask, dtype=np.float32)


def _launch(rng: np.random.Generator, frame: Frame) -> Field:
    """A rocket on its flame above billows of smoke, or a time exposure of its arc."""
    kind = choose(rng, {"day": 0.45, "sunset": 0.15, "dusk": 0.15, "night": 0.25})
    shown = _sky(rng, frame, kind)
    if kind == "night" and rng.random() < 0.6:
        return _arc(rng, frame, shown)
    x0 = float(rng.uniform(-0.2, 0.2))
    base = float(rng.uniform(-0.25, 0.1))
    tall = float(rng.uniform(0.2, 0.45))
    x, y = frame.grid(x0, base)
    wide = np.float32(tall * 0.06)
    smoke_field = billow(rng, frame.shape)
    reach = np.hypot(x * 0.7, (y + 0.35)) + 0.05 * smoke_field
    smoke = smoothstep(0.35, 0.12, reach)[..., None] * np.float32(0.9)
    puffs = np.clip(0.75 + 0.18 * smoke_field, 0.3, 1)[..., None] * rgb([1.0, 0.97, 0.93])
    shown = shown * (1 - smoke) + puffs * smoke
    plume = np.exp(-((x / (wide * (1.0 + 1.5 * np.clip(-y / tall, 0, 2)))) ** 2)) * (y < 0)
    plume = plume * np.exp(np.clip(y, -1, 0) / (0.6 * tall))
    shown = shown + (plume * 1.4)[..., None] * rgb([1.0, 0.8, 0.4])
    nose = np.clip((tall - y) / (0.15 * tall), 0.05, 1)
    rocket = ((np.abs(x) < wide * nose) & (y > 0) & (y < tall))[..., None]
    skin = rgb([0.92, 0.92, 0.93]) if rng.random() < 0.6 else rgb([0.85, 0.42, 0.15])
    shading = (0.65 + 0.35 * np.clip(1 - np.abs(x / wide + 0.3), 0, 1))[..., None]
    shown = np.where(rocket, skin * shading, shown)
    if rng.random() < 0.6:
        _tower(frame, shown, x0 + float(rng.choice([-1, 1])) * tall * 0.25, base, tall * 1.1)
    _ground(rng, frame, shown, 0.9, [0.25, 0.3, 0.15])
    return np.asarray(blurred(shown.astype(np.float32), 0.6), dtype=np.float32)


def _tower(frame: Frame, shown: Field, x0: float, base: float, tall: float) -> None:
    """A lattice tower beside the rocket, in place."""
    x, y = frame.grid(x0, base)
    column = (np.abs(x) < 0.02) & (y < tall) & (y > -0.4)
    lattice = (np.sin(y * 150) > 0.2) | (np.abs(np.abs(x) - 0.017) < 0.005)
    shown[column & lattice] = np.float32(0.3)


def _arc(rng: np.random.Generator, frame: Frame, shown: Field) -> Field:
    """The trail of a launch on a long exposure over water."""
    _stars(rng, shown, 150)
    x, y = frame.grid()
    path = -0.25 + float(rng.uniform(0.5, 1.4)) * np.sqrt(np.clip(x + 0.3, 0, None))
    trail = np.exp(-(((y - path) / 0.008) ** 2)) * (x > -0.3)
    glow = np.exp(-np.hypot(x + 0.3, y + 0.25) / 0.12)
    shown = shown + (trail + glow)[..., None] * rgb([1.0, 0.75, 0.35])
    _ground(rng, frame, shown, 0.75, [0.03, 0.04, 0.05])
    return np.asarray(shown, dtype=np.float32)


def _building(rng: np.random.Generator, frame: Frame) -> Field:
    """A hangar, an office or an observatory dome."""
    shown = _sky(rng, frame, choose(rng, {"day": 0.6, "grey": 0.25, "sunset": 0.15}))
    image = Image.fromarray((np.clip(shown, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    w, h = frame.width, frame.height
    left, right, top = (
        0.15 * w,
        float(rng.uniform(0.7, 0.95)) * w,
        float(rng.uniform(0.25, 0.5)) * h,
    )
    wall = int(rng.integers(130, 235))
    if rng.random() < 0.45:
        draw.ellipse(
            (0.3 * w, top - 0.2 * h, 0.3 * w + 0.5 * h, top + 0.3 * h), fill=(235, 235, 238)
        )
        draw.rectangle((0.3 * w + 0.22 * h, top - 0.2 * h, 0.3 * w + 0.29 * h, top + 0.05 * h),
                       fill=(60, 60, 65))  # fmt: skip
        draw.rectangle(
            (0.3 * w, top + 0.05 * h, 0.3 * w + 0.5 * h, h), fill=(wall, wall, wall - 10)
        )
    else:
        draw.rectangle((left, top, right, h), fill=(wall, wall - 8, wall - 20))
        columns, rows = int(rng.integers(4, 12)), int(rng.integers(2, 7))
        cw, rh = (right - left) / columns, (0.85 * h - top) / rows
        for i in range(columns):
            for j in range(rows):
                x, y = left + (i + 0.2) * cw, top + (j + 0.25) * rh
                tone = int(rng.integers(30, 110))
                draw.rectangle(
                    (x, y, x + 0.6 * cw, y + 0.55 * rh), fill=(tone, tone + 10, tone + 25)
                )
    shown = np.asarray(image, dtype=np.float32) / np.float32(255)
    shown = shown.copy()
    _ground(rng, frame, shown, 0.88, [0.3, 0.36, 0.2])
    return blurred(shown, 0.7)


def _antenna(rng: np.random.Generator, frame: Frame) -> Field:
    """A radio dish on its mount."""
    shown = _sky(rng, frame, choose(rng, {"day": 0.5, "dusk": 0.2, "sunset": 0.3})).copy()
    _ground(rng, frame, shown, 0.8, [0.35, 0.27, 0.18])
    image = Image.fromarray((np.clip(shown, 0, 1) * 255).astype(np.uint8))
    draw = ImageDraw.Draw(image)
    w, h = frame.width, frame.height
    for _ in range(int(rng.choice([1, 1, 2, 4]))):
        x, y = float(rng.uniform(0.2, 0.8)) * w, float(rng.uniform(0.35, 0.5)) * h
        s = float(rng.uniform(0.12, 0.3)) * h
        draw.polygon(
            [(x - 0.25 * s, 0.85 * h), (x, y), (x + 0.25 * s, 0.85 * h)], fill=(120, 120, 125)
        )
        draw.ellipse((x - s, y - 0.55 * s, x + s, y + 0.55 * s), fill=(232, 232, 235),
                     outline=(140, 140, 145))  # fmt: skip
        draw.ellipse((x - 0.8 * s, y - 0.36 * s, x + 0.8 * s, y + 0.45 * s), fill=(200, 202, 206))
        for k in (-0.7, 0, 0.7):
            draw.line(
                (x + k * s, y, x, y - 0.9 * s), fill=(90, 90, 95), width=max(1, int(0.03 * s))
            )
    return blurred(np.asarray(image, dtype=np.float32) / np.float32(255), 0.7)


def _landscape(rng: np.random.Generator, frame: Frame) -> Field:
    """Night and day over land: aurora, the Milky Way's glow, deserts of Earth and Mars."""
    kind = choose(rng, {"aurora": 0.3, "night": 0.25, "sunset": 0.15, "rover": 0.3})
    if kind == "rover":
        dust = rgb([0.85, 0.65, 0.45]) * np.float32(rng.uniform(0.7, 1.05))
        shown = np.broadcast_to(dust, (*frame.shape, 3)).astype(np.float32).copy()
        level = float(rng.uniform(0.1, 0.5))
        _ground(rng, frame, shown, level, [0.6, 0.4, 0.26])
        rocks = np.clip(power_law(rng, frame.shape, 2.2, outer=10.0) - 1.3, 0, 1)[..., None]
        shown *= 1 - 0.6 * rocks
        return shown
    shown = _sky(rng, frame, "sunset" if kind == "sunset" else "night").copy()
    if kind != "sunset":
        _stars(rng, shown, int(rng.integers(100, 500)))
    if kind == "aurora":
        x, y = frame.grid(0.0, float(rng.uniform(-0.1, 0.2)))
        curtain = power_law(rng, (1, frame.width), 2.6)[0]
        bend = 0.10 * power_law(rng, (1, frame.width), 4.5)[0]
        fold = y - bend[None, :] - 0.5 * x**2
        glow = np.exp(-np.clip(fold, 0, None) / 0.13) * smoothstep(
            -0.03, 0.0, fold.astype(np.float32)
        )
        glow = glow * unit(curtain)[None, :] * np.float32(rng.uniform(0.6, 1.3))
        shown += glow[..., None] * rgb([0.25, 1.0, 0.45]) * np.float32(0.9)
        shown += (np.clip(fold, 0, 1) * glow)[..., None] * rgb([3.0, 0.2, 2.0])
    elif kind == "night":
        u, v = frame.grid(angle=float(rng.uniform(0, np.pi)))
        band = np.exp(-((v / 0.14) ** 2)) * unit(power_law(rng, frame.shape, 2.8) * 1.4)
        shown += (band * 0.45)[..., None] * rgb([0.9, 0.8, 0.85])
        del u
    _ground(rng, frame, shown, float(rng.uniform(0.6, 0.85)), [0.05, 0.06, 0.06])
    return shown


OUTDOORS: dict[str, Callable[[np.random.Generator, Frame], Field]] = {
    "launch": _launch,
    "building": _building,
    "antenna": _antenna,
    "landscape": _landscape,
}
