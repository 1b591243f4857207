"""Curves with intervals: all classes together first, then each class."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cosmic_morphology.report.figures import (
    CLASS_COLOURS,
    grid_lines,
    legend,
    name_axes,
    name_rows,
    new_figure,
    strip_axes,
)
from cosmic_morphology.studies.results import ALL_SEEDS, ScoreRow
from cosmic_morphology.studies.scoring import MACRO

_ACROSS = 3
_WIDTH_IN, _HEIGHT_IN = 9.6, 2.5
_BAND, _BESIDE = 0.08, 0.014


def curves(points: Sequence[ScoreRow], x: str) -> Figure:
    """One small plot for macro-F1 and one for the F1 of each class.

    Parameters
    ----------
    points : sequence of ScoreRow
        Those over all seeds are drawn.
    x : str
        What the places mean; empty: arms are compared at one place.
    """
    shown = [
        point
        for point in points
        if point.seed == ALL_SEEDS and (point.name or point.measure == MACRO)
    ]
    panels = list(dict.fromkeys((point.measure, point.name) for point in shown))
    arms = list(dict.fromkeys(point.arm for point in shown))
    across = min(_ACROSS, len(panels))
    down = -(-len(panels) // across)
    figure, places = new_figure(_WIDTH_IN, _HEIGHT_IN * down + 0.5, down=down, across=across)
    for place in places[len(panels) :]:
        place.set_axis_off()
    for number, ((measure, name), place) in enumerate(zip(panels, places, strict=False)):
        own = [point for point in shown if (point.measure, point.name) == (measure, name)]
        title = f"{measure} of {name}" if name else measure
        if x:
            _lines(place, own, arms, named=number == 0)
            name_axes(place, x=x if number >= len(panels) - across else "", title=title)
        else:
            _dots(place, own, arms, named=number % across == 0)
            name_axes(place, title=title)
    if x:
        legend(figure, loc="outside upper left", ncols=min(4, len(arms)))
    return figure


def _lines(place: Axes, points: Sequence[ScoreRow], arms: Sequence[str], *, named: bool) -> None:
    grid_lines(place, "y")
    places = sorted({point.x for point in points})
    # Arms stand beside each other, or their intervals would hide one another.
    step = _BESIDE * (places[-1] - places[0])
    for number, arm in enumerate(arms):
        own = sorted((point for point in points if point.arm == arm), key=lambda point: point.x)
        colour = CLASS_COLOURS[number % len(CLASS_COLOURS)]
        # matplotlib passes over labels that begin with an underscore.
        label = strip_axes(arm) if named else "_"
        if len(own) == 1 and len(places) > 1:
            # A reference without a curve of its own: a level across the plot.
            place.axhspan(own[0].low, own[0].high, color=colour, alpha=_BAND, linewidth=0)
            place.axhline(own[0].value, color=colour, linewidth=1, linestyle="--", label=label)
            continue
        xs = [point.x + (number - (len(arms) - 1) / 2) * step for point in own]
        values = [point.value for point in own]
        place.vlines(
            xs, [p.low for p in own], [p.high for p in own], color=colour, alpha=0.6, linewidth=1.2
        )
        place.plot(xs, values, color=colour, linewidth=1.3, marker="o", markersize=3.2, label=label)


def _dots(place: Axes, points: Sequence[ScoreRow], arms: Sequence[str], *, named: bool) -> None:
    grid_lines(place, "x")
    for number, arm in enumerate(arms):
        for point in points:
            if point.arm == arm:
                colour = CLASS_COLOURS[number % len(CLASS_COLOURS)]
                place.plot([point.low, point.high], [number, number], color=colour, linewidth=2)
                place.plot([point.value], [number], "o", color=colour, markersize=5)
    name_rows(place, arms if named else [""] * len(arms))
    place.set_ylim(len(arms) - 0.5, -0.5)


def class_table(points: Sequence[ScoreRow]) -> Figure:
    """How well each class's images are told apart, by arm, with what guessing reaches."""
    names = list(dict.fromkeys(point.name for point in points))
    arms = list(dict.fromkeys(point.arm for point in points))
    figure, (place,) = new_figure(_WIDTH_IN * 0.75, 0.9 + 0.42 * len(names))
    grid_lines(place, "x")
    place.axvline(0.5, color=CLASS_COLOURS[-2], linewidth=1, linestyle="--")
    for number, arm in enumerate(arms):
        colour = CLASS_COLOURS[number % len(CLASS_COLOURS)]
        for at, point in enumerate(each for each in points if each.arm == arm):
            row = names.index(point.name) + 0.22 * (number - (len(arms) - 1) / 2)
            place.plot([point.low, point.high], [row, row], color=colour, linewidth=2)
            label = strip_axes(arm) if at == 0 else "_"
            place.plot([point.value], [row], "o", color=colour, markersize=5, label=label)
    name_rows(place, names)
    place.set_ylim(len(names) - 0.5, -0.5)
    name_axes(place, x="balanced accuracy (0.5: guessing)")
    legend(figure, loc="outside upper left", ncols=2)
    return figure
