"""Numbers in sentences: never without their interval."""

from __future__ import annotations

from collections.abc import Sequence


def interval_of(value: float, interval: tuple[float, float], *, signed: bool = False) -> str:
    """``0.812 [0.780, 0.840]``, with signs where it is a difference."""
    low, high = interval
    if signed:
        return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
