"""The style of all figures, and figures as PNG files or as SVG inside a page.

Nothing here touches pyplot: figures are objects, and two threads may draw at once.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from cosmic_morphology.io_utils import whole_file

INK, MUTED, RULE = "#1b2027", "#5f6b76", "#d5d9dd"
ACCENT, WARM = "#2a6f97", "#bc5a2b"
# Told apart also with a colour-vision deficiency and in grey print; the last is for what is open.
CLASS_COLOURS = (
    "#2a6f97",
    "#e09f3e",
    "#4f9d8b",
    "#8d5a97",
    "#c8553d",
    "#9aa65b",
    "#6c7a89",
    "#b0b7be",
)
SPLIT_COLOURS = {"train": "#2a6f97", "val": "#7fb2cf", "test": "#e09f3e", "none": "#c9ced3"}
_TEXT_PT = 8.5
_LONGEST_NAME = 32
# In a page these colours follow its light or dark theme.
_THEMED = {INK: "--ink", MUTED: "--muted", RULE: "--rule", ACCENT: "--accent", WARM: "--warm"}


def new_figure(
    width_in: float, height_in: float, *, down: int = 1, across: int = 1, **layout: Any
) -> tuple[Figure, list[Axes]]:
    """A figure with plain axes: no frame, no background, quiet ticks."""
    figure = Figure(figsize=(width_in, height_in), layout="constrained")
    figure.patch.set_alpha(0)
    FigureCanvasAgg(figure)
    grid = figure.subplots(down, across, squeeze=False, **layout)
    places = [place for row in grid for place in row]
    for place in places:
        muted(place)
    return figure, places


def muted(place: Axes) -> None:
    """Leave of an axes' decoration what carries meaning."""
    place.patch.set_alpha(0)
    for side in ("top", "right"):
        place.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        place.spines[side].set_color(RULE)
        place.spines[side].set_linewidth(0.8)
    place.tick_params(colors=MUTED, labelsize=_TEXT_PT, length=0, pad=4)
    place.xaxis.label.set(color=MUTED, size=_TEXT_PT)
    place.yaxis.label.set(color=MUTED, size=_TEXT_PT)
    place.title.set(color=INK, size=_TEXT_PT + 0.5)


def strip_axes(name: str) -> str:
    """A name from outside: not longer than a figure can bear, its dollars are no formulas."""
    words = " ".join(name.split())
    short = words if len(words) <= _LONGEST_NAME else words[: _LONGEST_NAME - 1] + "…"
    return short.replace("$", r"\$")


def name_axes(place: Axes, *, x: str = "", y: str = "", title: str = "") -> None:
    """Label axes in the figures' style."""
    place.set_xlabel(x, color=MUTED, size=_TEXT_PT)
    place.set_ylabel(y, color=MUTED, size=_TEXT_PT)
    if title:
        place.set_title(strip_axes(title), color=INK, size=_TEXT_PT + 0.5, loc="left", pad=8)


def name_rows(place: Axes, names: Sequence[str]) -> None:
    """Names of horizontal rows, in ink: they are what is read first."""
    place.set_yticks(range(len(names)), [strip_axes(each) for each in names])
    place.tick_params(axis="y", labelcolor=INK)
    place.spines["left"].set_visible(False)


def grid_lines(place: Axes, axis: str = "x") -> None:
    """Thin lines behind the data."""
    place.grid(visible=True, axis="x" if axis == "x" else "y", color=RULE, linewidth=0.6)
    place.set_axisbelow(True)


def legend(place: Axes | Figure, **where: Any) -> None:
    """A legend without a box, where there is anything to name."""
    axes = place.axes if isinstance(place, Figure) else [place]
    if not any(each.get_legend_handles_labels()[0] for each in axes):
        return
    place.legend(
        frameon=False,
        fontsize=_TEXT_PT,
        labelcolor=MUTED,
        handlelength=0.9,
        handleheight=0.9,
        handletextpad=0.5,
        columnspacing=1.4,
        borderpad=0,
        **where,
    )


_DPI = 160


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure on white, the same bytes for the same data."""
    with _any_script(), whole_file(path) as beside:
        figure.savefig(
            beside, format="png", dpi=_DPI, facecolor="white", metadata={"Software": None}
        )


def to_svg(figure: Figure, name: str, described: str) -> str:
    """A figure as SVG for a page: its texts stay texts, its colours follow the page's theme.

    Parameters
    ----------
    figure : Figure
        From :func:`new_figure`.
    name : str
        Unique in the page: parts of the drawing are named after it.
    described : str
        What a person sees who cannot see it.
    """
    out = io.StringIO()
    with _any_script(), mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(out, format="svg", transparent=True, metadata={"Date": None})
    text = out.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    # What would reach out of the drawing into the page: its style, and names that are not its own.
    text = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[\w.]+_\d+"(/?)>', r"<g\1>", text)
    text = re.sub(r"font-family: [^;]*;", "font-family: sans-serif;", text)
    for colour, variable in _THEMED.items():
        text = text.replace(colour, f"var({variable}, {colour})")
    start, rest = text.split(">", 1)
    width, height = re.findall(r'(?:width|height)="([\d.]+)pt"', start)
    head = (
        f'<svg role="img" aria-label="{escape(described)}" viewBox="0 0 {width} {height}" '
        f'width="{float(width) * 4 / 3:.0f}" height="{float(height) * 4 / 3:.0f}">'
    )
    return head + rest.strip()


@contextmanager
def _any_script() -> Iterator[None]:
    """Names may be in any script: a sign that the font lacks is a box, not a failure."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing", category=UserWarning)
        yield
