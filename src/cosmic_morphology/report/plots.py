"""The figures of the report and of explore; each function makes one from plain numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from cosmic_morphology.evaluate.scoring import ClassScores
from cosmic_morphology.report.figures import (
    ACCENT,
    CLASS_COLOURS,
    INK,
    MUTED,
    RULE,
    SPLIT_COLOURS,
    WARM,
    grid_lines,
    legend,
    name_axes,
    name_rows,
    new_figure,
    strip_axes,
)
from cosmic_morphology.stats.calibration import Bin

_WIDTH_IN = 7.2
_CURVES_IN = 4.7
_ROW_IN = 0.3
_MOST_ROWS = 16
_ROUND_PX = (30, 100, 200, 500, 1000, 2000, 5000, 10_000, 30_000)


def class_balance(
    classes: Mapping[str, int], splits: Mapping[str, Mapping[str, int]] | None = None
) -> Figure:
    """Images of each class, by split where there is one."""
    names = list(classes)
    figure, (place,) = new_figure(_WIDTH_IN, 0.7 + _ROW_IN * len(names))
    if splits:
        parts = {split: [splits[name][split] for name in names] for split in SPLIT_COLOURS}
        _stacked(place, parts, SPLIT_COLOURS)
        legend(figure, loc="outside upper left", ncols=4)
    else:
        place.barh(range(len(names)), list(classes.values()), 0.62, color=ACCENT)
    _totals(place, list(classes.values()))
    _rows(place, names, "images", whole=True)
    return figure


def source_balance(sources: Mapping[str, Mapping[str, int]], classes: Sequence[str]) -> Figure:
    """Images of each source by class: a source that gives one class away is seen at once."""
    shown = _largest(sources)
    names = list(shown)
    figure, (place,) = new_figure(_WIDTH_IN, 0.9 + _ROW_IN * len(names))
    parts = {each: [shown[name].get(each, 0) for name in names] for each in classes}
    _stacked(place, parts, class_colours(classes))
    _totals(place, [sum(shown[name].values()) for name in names])
    _rows(place, names, "images", whole=True)
    legend(figure, loc="outside upper left", ncols=8)
    return figure


def sizes(widths: np.ndarray, heights: np.ndarray) -> Figure:
    """Sizes of the originals: how large, and how elongated."""
    figure, (area, shape) = new_figure(_WIDTH_IN, 2.1, across=2)
    longest = np.maximum(widths, heights)
    if len(longest):
        low, high = max(longest.min(), 1) / 1.3, longest.max() * 1.3
        edges = np.geomspace(low, high, 24)
        area.set_xscale("log")
        area.set_xlim(low, high)
        round_ = [each for each in _ROUND_PX if low <= each <= high]
        area.set_xticks(round_, [f"{each:,}" for each in round_])
        area.hist(longest, edges.tolist(), color=ACCENT)
        ratio = longest / np.maximum(np.minimum(widths, heights), 1)
        shape.hist(np.clip(ratio, 1, 3), np.linspace(1, 3, 24).tolist(), color=ACCENT)
    area.xaxis.set_minor_locator(NullLocator())
    name_axes(area, x="longest side, px", y="images", title="Size")
    name_axes(shape, x="long side / short side (3 and more together)", title="Shape")
    return figure


def training_curves(history: Mapping[str, Sequence[float]]) -> Figure:
    """Losses and the val score of one run, epoch by epoch."""
    figure, (loss, score) = new_figure(_CURVES_IN, 1.8, across=2)
    epochs = list(history.get("epoch", ()))
    for name, colour in (("train_loss", MUTED), ("val_loss", ACCENT)):
        _curve(loss, epochs, history.get(name, ()), name.removesuffix("_loss"), colour)
    _curve(score, epochs, history.get("val_macro_f1", ()), "val", ACCENT)
    score.set_ylim(0, 1)
    for place, name in ((loss, "loss"), (score, "macro-F1 on val")):
        place.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
        grid_lines(place, "y")
        name_axes(place, x="epoch", title=name)
    legend(loss)
    return figure


def per_class_f1(runs: Mapping[str, Sequence[ClassScores]]) -> Figure:
    """F1 of each class with its interval, small multiples side by side for the runs."""
    names = [each.name for each in next(iter(runs.values()))]
    wide = max(_WIDTH_IN, 1.2 + 2.2 * len(runs))
    figure, places = new_figure(
        wide, 0.8 + _ROW_IN * len(names), across=len(runs), sharey=True, sharex=True
    )
    for place, (run, scores) in zip(places, runs.items(), strict=True):
        at = np.arange(len(scores))
        for row, each in zip(at, scores, strict=True):
            place.plot(each.f1.interval, (row, row), color=ACCENT, linewidth=2.4, alpha=0.45)
        place.plot([each.f1.value for each in scores], at, "o", color=ACCENT, markersize=4.5)
        place.set_xlim(0, 1)
        place.invert_yaxis()
        grid_lines(place)
        name_axes(place, x="F1, 95 % interval", title=run)
        place.spines["left"].set_visible(False)
    places[0].set_ylim(len(names) - 0.5, -0.5)
    name_rows(places[0], names)
    return figure


def confusion(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Figure:
    """Counts and, as shade, shares of each right class; the last column is any other answer."""
    counts = np.asarray(matrix)
    answers = [*classes, "other"] if counts[:, -1].any() else list(classes)
    counts = counts[:, : len(answers)]
    share = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    side_in = 1.6 + 0.5 * len(classes)
    figure, (place,) = new_figure(side_in + 0.4, side_in)
    place.imshow(share, cmap="Blues", vmin=0, vmax=1.15, aspect="equal")
    for down in range(counts.shape[0]):
        for right in range(counts.shape[1]):
            if counts[down, right]:
                place.text(
                    right,
                    down,
                    str(counts[down, right]),
                    ha="center",
                    va="center",
                    fontsize=8.5,
                    color="white" if share[down, right] > 0.55 else INK,
                )
    place.set_xticks(range(len(answers)), answers, rotation=35, ha="right")
    place.set_yticks(range(len(classes)), classes)
    for spine in place.spines.values():
        spine.set_visible(False)
    name_axes(place, x="answer", y="right")
    return figure


def reliability(runs: Mapping[str, Sequence[Bin]]) -> Figure:
    """What was said against what happened; dots grow with the number of answers."""
    figure, places = new_figure(
        max(3.0, 2.3 * len(runs)), 2.6, across=len(runs), sharex=True, sharey=True
    )
    for place, (run, bins) in zip(places, runs.items(), strict=True):
        place.plot((0, 1), (0, 1), color=RULE, linewidth=1)
        total = max(sum(each.n for each in bins), 1)
        said, happened = [b.said for b in bins], [b.happened for b in bins]
        place.plot(said, happened, color=ACCENT, linewidth=1.2)
        place.scatter(said, happened, [12 + 220 * b.n / total for b in bins], color=ACCENT)
        place.set(xlim=(0, 1.02), ylim=(0, 1.02), aspect="equal")
        name_axes(place, x="said", y="" if place is not places[0] else "share right", title=run)
    return figure


def differences(rows: Sequence[tuple[str, float, tuple[float, float]]], x: str) -> Figure:
    """Differences with their intervals around zero; those that may be chance are grey."""
    figure, (place,) = new_figure(_WIDTH_IN, 0.6 + _ROW_IN * len(rows))
    place.axvline(0, color=MUTED, linewidth=0.8)
    for at, (_, value, (low, high)) in enumerate(rows):
        colour = ACCENT if low > 0 else WARM if high < 0 else MUTED
        place.plot((low, high), (at, at), color=colour, linewidth=2.6, alpha=0.45)
        place.plot([value], [at], "o", color=colour, markersize=4.5)
    grid_lines(place)
    _rows(place, [name for name, _, _ in rows], x)
    return figure


def class_colours(classes: Sequence[str]) -> dict[str, str]:
    """A colour for each class, the same in every figure."""
    own = CLASS_COLOURS[:-1]
    return {
        name: CLASS_COLOURS[-1] if name.startswith("(") else own[at % len(own)]
        for at, name in enumerate(classes)
    }


def _stacked(place: Axes, parts: Mapping[str, Sequence[int]], colours: Mapping[str, str]) -> None:
    left = np.zeros(max((len(values) for values in parts.values()), default=0))
    for name, values in parts.items():
        if sum(values):
            place.barh(
                range(len(values)),
                values,
                0.62,
                left=left,
                color=colours[name],
                label=strip_axes(name),
            )
            left = left + np.asarray(values)


def _totals(place: Axes, totals: Sequence[int]) -> None:
    for at, total in enumerate(totals):
        place.annotate(
            f"{total:,}",
            (total, at),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8.5,
            color=MUTED,
        )
    place.margins(x=0.1)


def _rows(place: Axes, names: Sequence[str], x: str, *, whole: bool = False) -> None:
    if whole:
        place.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=7))
    name_rows(place, names)
    place.set_ylim(max(len(names), 1) - 0.5, -0.5)
    name_axes(place, x=x)


def _curve(
    place: Axes, epochs: Sequence[float], values: Sequence[float], name: str, colour: str
) -> None:
    seen = [(e, v) for e, v in zip(epochs, values, strict=False) if np.isfinite(v)]
    if seen:
        # A single epoch is no line, but a point.
        marker = "o" if len(seen) == 1 else ""
        x, y = zip(*seen, strict=True)
        place.plot(x, y, marker=marker, color=colour, linewidth=1.6, label=name)


def _largest(sources: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """The largest parts, the rest together: a figure with a hundred rows says nothing."""
    if len(sources) <= _MOST_ROWS:
        return {name: dict(counts) for name, counts in sources.items()}
    names = list(sources)
    rest: dict[str, int] = {}
    for name in names[_MOST_ROWS - 1 :]:
        for each, count in sources[name].items():
            rest[each] = rest.get(each, 0) + count
    shown = {name: dict(sources[name]) for name in names[: _MOST_ROWS - 1]}
    return {**shown, f"{len(names) - _MOST_ROWS + 1} others": rest}
