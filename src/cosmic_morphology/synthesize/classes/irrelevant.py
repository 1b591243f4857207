"""What every search brings along: charts, slides, logos, portraits, rockets, buildings, blanks.

These are drawn with Pillow as flat images; none of them shows a target of the six classes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from cosmic_morphology.synthesize.camera.overlays import font, sentence
from cosmic_morphology.synthesize.classes.irrelevant_photos import OUTDOORS
from cosmic_morphology.synthesize.fields.noise import Field, billow, blurred, power_law, unit
from cosmic_morphology.synthesize.scene import Frame, Scene, choose

SUBTYPES = {
    "chart": 0.14,
    "slide": 0.12,
    "logo": 0.09,
    "portrait": 0.12,
    "group": 0.07,
    "launch": 0.12,
    "building": 0.07,
    "antenna": 0.06,
    "landscape": 0.11,
    "artist": 0.06,
    "blank": 0.02,
    "saturated": 0.02,
}
Ink = tuple[int, int, int]


def paint(rng: np.random.Generator, frame: Frame) -> Scene:
    """An image that has nothing to do with the six classes."""
    subtype = choose(rng, SUBTYPES)
    shown = PAINTERS[subtype](rng, frame)
    return Scene(
        # Cameras develop with a power law near 1.9: undo it here, the drawing is as shown.
        light=np.clip(shown, 0, 1).astype(np.float32) ** np.float32(1.9),
        target=shown.mean(axis=2),
        subtype=subtype,
        object_px=float(frame.side),
        look="flat",
        cameras=("photo",),
        truth={},
    )


def _sheet(frame: Frame, colour: Ink) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (frame.width, frame.height), colour)
    return image, ImageDraw.Draw(image)


def _array(image: Image.Image) -> Field:
    return np.asarray(image, dtype=np.float32) / np.float32(255)


def _ink(rng: np.random.Generator, low: int = 0, high: int = 255) -> Ink:
    r, g, b = (int(v) for v in rng.integers(low, high + 1, 3))
    return r, g, b


def _chart(rng: np.random.Generator, frame: Frame) -> Field:
    """Axes with curves, points or bars, as in talks and press kits."""
    dark = rng.random() < 0.3
    paper, ink = ((15, 18, 30), (220, 220, 225)) if dark else ((252, 252, 250), (25, 25, 30))
    image, draw = _sheet(frame, paper)
    w, h = frame.width, frame.height
    left, bottom, right, top = int(0.14 * w), int(0.86 * h), int(0.95 * w), int(0.12 * h)
    draw.rectangle((left, top, right, bottom), outline=ink)
    for k in range(1, 6):
        x, y = left + (right - left) * k // 6, bottom - (bottom - top) * k // 6
        draw.line((x, bottom, x, bottom - h // 60), fill=ink)
        draw.line(
            (left, y, right if rng.random() < 0.5 else left + w // 60, y), fill=(150, 150, 155)
        )
        draw.text((x, bottom + 2), str(k * 10), fill=ink, font=font(frame.side * 0.03))
    kind = choose(rng, {"curves": 0.45, "bars": 0.25, "points": 0.3})
    for _ in range(int(rng.integers(1, 4))):
        colour = _ink(rng, 30, 230)
        xs = np.linspace(left, right, 60)
        walk = np.cumsum(rng.normal(0, 1, 60))
        walk = (walk - walk.min()) / max(float(np.ptp(walk)), 1e-6)
        ys = bottom - (0.05 + 0.85 * walk) * (bottom - top)
        if kind == "curves":
            draw.line([(float(a), float(b)) for a, b in zip(xs, ys, strict=True)], fill=colour,
                      width=max(1, frame.side // 128))  # fmt: skip
        elif kind == "bars":
            step = (right - left) // 8
            for k in range(8):
                y = int(ys[k * 7])
                draw.rectangle((left + k * step, y, left + (k + 0.8) * step, bottom), fill=colour)
            break
        else:
            scattered = np.clip(ys + rng.normal(0, h * 0.06, 60), top, bottom)
            for a, b in zip(xs, scattered, strict=True):
                draw.ellipse((a - 2, b - 2, a + 2, b + 2), fill=colour)
    draw.text((left, int(0.03 * h)), sentence(rng, 4), fill=ink, font=font(frame.side * 0.05))
    draw.text(
        (w // 2 - w // 8, int(0.92 * h)), sentence(rng, 2), fill=ink, font=font(frame.side * 0.04)
    )
    return _array(image)


def _slide(rng: np.random.Generator, frame: Frame) -> Field:
    """A text slide with a title, bullets, a coloured bar, maybe a box for an image."""
    paper = (250, 250, 250) if rng.random() < 0.6 else (12, 28, 68)
    ink = (20, 20, 30) if paper[0] > 100 else (235, 235, 240)
    image, draw = _sheet(frame, paper)
    w, h, side = frame.width, frame.height, frame.side
    draw.rectangle((0, 0, w, int(0.15 * h)), fill=_ink(rng, 10, 160))
    draw.text((int(0.05 * w), int(0.04 * h)), sentence(rng, 4).title(), fill=(255, 255, 255),
              font=font(side * 0.065))  # fmt: skip
    y = int(0.22 * h)
    while y < 0.85 * h:
        draw.text((int(0.06 * w), y), "- " + sentence(rng, int(rng.integers(3, 8))), fill=ink,
                  font=font(side * 0.042))  # fmt: skip
        y += int(side * float(rng.uniform(0.065, 0.1)))
    if rng.random() < 0.5:
        box = (int(0.62 * w), int(0.5 * h), int(0.95 * w), int(0.85 * h))
        draw.rectangle(box, fill=_ink(rng, 60, 220), outline=ink)
    draw.text((int(0.05 * w), int(0.93 * h)), sentence(rng, 3), fill=ink, font=font(side * 0.03))
    return _array(image)


def _logo(rng: np.random.Generator, frame: Frame) -> Field:
    """A mission patch or an emblem: discs, swooshes, letters on a plain ground."""
    ground = [(255, 255, 255), (0, 0, 0), (250, 250, 0), (20, 60, 140)][int(rng.integers(4))]
    image, draw = _sheet(frame, ground)
    w, h = frame.width, frame.height
    cx, cy, r = w / 2, h / 2, 0.4 * min(w, h)
    if rng.random() < 0.75:
        draw.ellipse((cx - r, cy - r, cx + r, cy + r), fill=_ink(rng, 0, 120),
                     outline=_ink(rng, 150),
                     width=max(2, int(r * 0.09)))  # fmt: skip
    for _ in range(int(rng.integers(1, 4))):
        a = float(rng.uniform(0, 360))
        draw.arc((cx - r * 1.1, cy - r * 0.5, cx + r * 1.1, cy + r * 0.5), a, a + 160,
                 fill=_ink(rng, 100), width=max(2, int(r * 0.08)))  # fmt: skip
    for _ in range(int(rng.integers(0, 9))):
        x, y = cx + rng.uniform(-0.6, 0.6) * r, cy + rng.uniform(-0.6, 0.6) * r
        s = r * 0.05
        draw.polygon(
            [(x, y - s), (x + s * 0.3, y), (x, y + s), (x - s * 0.3, y)], fill=(255, 255, 255)
        )
    letters = "".join(chr(int(c)) for c in rng.integers(65, 91, int(rng.integers(2, 6))))
    draw.text((cx, cy), letters, fill=_ink(rng, 160), font=font(r * 0.5), anchor="mm")
    return _array(image)


SKINS = ((236, 200, 172), (206, 156, 120), (150, 102, 72), (96, 64, 46), (244, 214, 190))


def _person(
    rng: np.random.Generator, draw: ImageDraw.ImageDraw, x: float, y: float, size: float
) -> None:
    """A head and shoulders at ``(x, y)`` with the head's height ``size``, in pixels."""
    skin = SKINS[int(rng.integers(len(SKINS)))]
    cloth = [(230, 110, 30), (30, 50, 110), (240, 240, 240), (40, 40, 45), (120, 30, 40)]
    shirt = cloth[int(rng.integers(len(cloth)))]
    hair = [(30, 22, 18), (90, 60, 30), (170, 140, 90), (130, 130, 130)][int(rng.integers(4))]
    draw.rounded_rectangle((x - size, y + 0.62 * size, x + size, y + 3 * size), radius=0.45 * size,
                           fill=shirt)  # fmt: skip
    draw.rectangle((x - 0.17 * size, y + 0.35 * size, x + 0.17 * size, y + 0.8 * size), fill=skin)
    draw.ellipse((x - 0.47 * size, y - 0.66 * size, x + 0.47 * size, y + 0.1 * size), fill=hair)
    draw.ellipse((x - 0.38 * size, y - 0.5 * size, x + 0.38 * size, y + 0.5 * size), fill=skin)
    shade = tuple(int(c * 0.8) for c in skin)
    draw.ellipse((x + 0.05 * size, y - 0.06 * size, x + 0.1 * size, y + 0.14 * size), fill=shade)
    for sign in (-1, 1):
        ex = x + sign * 0.16 * size
        draw.ellipse((ex - 0.06 * size, y - 0.12 * size, ex + 0.06 * size, y - 0.04 * size),
                     fill=(250, 250, 250))  # fmt: skip
        draw.ellipse((ex - 0.03 * size, y - 0.12 * size, ex + 0.03 * size, y - 0.04 * size),
                     fill=(40, 30, 25))  # fmt: skip
    draw.arc((x - 0.17 * size, y + 0.05 * size, x + 0.17 * size, y + 0.3 * size), 15, 165,
             fill=(150, 60, 60), width=max(1, int(size * 0.05)))  # fmt: skip


def _backdrop(rng: np.random.Generator, frame: Frame) -> Image.Image:
    """A studio ground: two colours blended, with soft light."""
    tone, hue = rng.uniform(30, 150), rng.normal(0, 14, 3)
    low = np.clip(tone * 0.6 + hue, 0, 255)
    high = np.clip(tone * 1.4 + hue, 0, 255)
    weight = np.clip(unit(power_law(rng, frame.shape, 5.0)), 0, 1)[..., None]
    return Image.fromarray((low * weight + high * (1 - weight)).astype(np.uint8))


def _photographed(rng: np.random.Generator, image: Image.Image, frame: Frame) -> Field:
    """Soften a drawing and light it unevenly, as a lens and a lamp would."""
    soft = blurred(_array(image), float(rng.uniform(0.6, 1.6)) * frame.side / 256)
    lamp = 0.75 + 0.5 * unit(power_law(rng, frame.shape, 5.0))[..., None]
    fine = 1 + 0.05 * power_law(rng, frame.shape, 1.5, outer=10)[..., None]
    return np.asarray(soft * lamp * fine, dtype=np.float32)


def _portrait(rng: np.random.Generator, frame: Frame) -> Field:
    image = _backdrop(rng, frame)
    draw = ImageDraw.Draw(image)
    if rng.random() < 0.6:
        for k in range(6):
            colour = ((178, 30, 45), (245, 245, 245))[k % 2]
            x = 0.06 * frame.width + k * 0.03 * frame.width
            draw.rectangle((x, 0, x + 0.03 * frame.width, frame.height), fill=colour)
    size = float(rng.uniform(0.26, 0.42)) * frame.height
    _person(rng, draw, frame.width * float(rng.uniform(0.42, 0.6)), frame.height * 0.42, size)
    return _photographed(rng, image, frame)


def _group(rng: np.random.Generator, frame: Frame) -> Field:
    image = _backdrop(rng, frame)
    draw = ImageDraw.Draw(image)
    rows = int(rng.integers(1, 4))
    for row in range(rows):
        count = int(rng.integers(3, 8))
        size = frame.width / count * 0.36
        for k in range(count):
            x = (k + 0.5 + float(rng.normal(0, 0.08))) * frame.width / count
            y = frame.height * (0.25 + 0.25 * row) + float(rng.normal(0, 0.03)) * frame.height
            _person(rng, draw, x, y, size)
    return _photographed(rng, image, frame)


def _artist(rng: np.random.Generator, frame: Frame) -> Field:
    """A flat, clean drawing of a probe before a disc: an artist's concept."""
    ground = np.linspace(0, 1, frame.height)[:, None, None] * np.array(_ink(rng, 0, 60))
    image = Image.fromarray(np.broadcast_to(ground, (*frame.shape, 3)).astype(np.uint8).copy())
    draw = ImageDraw.Draw(image)
    w, h = frame.width, frame.height
    r = float(rng.uniform(0.3, 0.8)) * h
    cx, cy = float(rng.uniform(0, w)), h + r * 0.3
    for k in range(6):
        s = r * (1 - 0.04 * k)
        draw.ellipse((cx - s, cy - s, cx + s, cy + s), fill=_ink(rng, 30 + 20 * k, 80 + 25 * k))
    x, y, s = w * float(rng.uniform(0.3, 0.7)), h * 0.35, 0.09 * frame.side
    for sign in (-1, 1):
        panel = (min(x, x + sign * 3.4 * s), y - 0.45 * s, max(x, x + sign * 3.4 * s), y + 0.45 * s)
        draw.rectangle(panel, fill=(30, 50, 120), outline=(200, 200, 210))
        for k in range(1, 6):
            at = x + sign * k * 0.56 * s
            draw.line((at, y - 0.45 * s, at, y + 0.45 * s), fill=(150, 160, 190))
    draw.rectangle((x - 0.6 * s, y - 0.8 * s, x + 0.6 * s, y + 0.8 * s), fill=(190, 160, 80))
    draw.ellipse((x - 0.9 * s, y - 1.9 * s, x + 0.9 * s, y - 0.9 * s), fill=(225, 225, 230))
    return _array(image)


def _blank(rng: np.random.Generator, frame: Frame) -> Field:
    level = float(rng.choice([0.0, 0.02, 0.5, 1.0]))
    return np.full((*frame.shape, 3), level, dtype=np.float32)


def _saturated(rng: np.random.Generator, frame: Frame) -> Field:
    """An overexposed frame: white with a soft darker side."""
    glow = 0.85 + 0.5 * billow(rng, frame.shape, octaves=1)
    return np.repeat(np.clip(glow, 0.6, 1.0)[..., None], 3, axis=2).astype(np.float32)


PAINTERS: dict[str, Callable[[np.random.Generator, Frame], Field]] = {
    "chart": _chart,
    "slide": _slide,
    "logo": _logo,
    "portrait": _portrait,
    "group": _group,
    "artist": _artist,
    "blank": _blank,
    "saturated": _saturated,
    **OUTDOORS,
}
