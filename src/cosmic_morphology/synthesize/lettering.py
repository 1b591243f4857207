"""Letters for slides, charts, captions: Pillow's own font and harmless words."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from PIL import ImageFont

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
