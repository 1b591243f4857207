"""What editors add to an image: captions, credits, scale bars, borders, missing tiles."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from cosmic_morphology.synthesize.camera.expose import Pixels
from cosmic_morphology.synthesize.scene import RenderParameters

CREDITS = ("NASA/JPL", "NASA, ESA, STScI", "ESO", "NOIRLab/NSF/AURA", "© observer", "NASA/JHUAPL")


def add_overlays(
    rng: np.random.Generator, pixels: Pixels, *, kind: str, name: str
) -> tuple[Pixels, RenderParameters]:
    """The image as published, and what was added to it."""
    image = Image.fromarray(pixels)
    draw = ImageDraw.Draw(image)
    added: list[str] = []
    if kind == "irrelevant":
        return pixels, {"added": ""}
    side = max(image.size)
    if rng.random() < 0.10:
        text = CREDITS[int(rng.integers(len(CREDITS)))]
        tone = int(rng.integers(90, 230))
        x = 0.02 * side if rng.random() < 0.5 else image.width - 0.35 * side
        draw.text((x, image.height - 0.05 * side), text, fill=(tone,) * 3, font=font(0.03 * side))
        added.append("credit")
    if rng.random() < 0.04:
        draw.text((0.03 * side, 0.03 * side), name, fill=(235, 235, 235), font=font(0.045 * side))
        added.append("caption")
    if rng.random() < 0.03:
        y = image.height - 0.06 * side
        draw.line((0.75 * image.width, y, 0.93 * image.width, y), fill=(240, 240, 240),
                  width=max(1, side // 128))  # fmt: skip
        added.append("scale bar")
    if rng.random() < 0.04:
        width = max(2, int(rng.uniform(0.01, 0.04) * side))
        tone = int(rng.choice([0, 0, 255, 40]))
        draw.rectangle((0, 0, image.width - 1, image.height - 1), outline=(tone,) * 3, width=width)
        added.append("border")
    if rng.random() < 0.008:
        # The stepped corner of Hubble's Wide Field and Planetary Camera 2.
        w, h = image.width // 4, image.height // 4
        draw.rectangle((0, 0, w, 2 * h), fill=(0, 0, 0))
        draw.rectangle((0, 0, 2 * w, h), fill=(0, 0, 0))
        added.append("missing tile")
    return np.asarray(image, dtype=np.uint8), {"added": ",".join(added)}


WORDS = (
    "mission", "review", "schedule", "data", "flux", "model", "payload", "budget", "team",
    "launch", "science", "results", "orbit", "figure", "test", "vehicle", "phase", "system",
    "design", "status", "program", "flight", "summary", "antenna", "thermal", "operations",
    "instrument", "readiness", "milestone", "observations", "distance", "velocity", "counts",
)  # fmt: skip


@lru_cache(maxsize=64)
def _sized(size_px: int) -> Any:
    return ImageFont.load_default(size=size_px)


def font(size_px: float) -> Any:
    """Pillow's scalable default font at a size in pixels."""
    return _sized(max(6, round(size_px)))


def sentence(rng: np.random.Generator, words: int) -> str:
    """A few words as they stand on slides."""
    return " ".join(WORDS[int(i)] for i in rng.integers(0, len(WORDS), words)).capitalize()
