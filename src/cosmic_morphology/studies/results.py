"""What a study leaves behind: rows with intervals, files, and sentences about them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from cosmic_morphology._version import __version__
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.display import Shown
from cosmic_morphology.io_utils import CsvRows, whole_text, write_json
from cosmic_morphology.settings import Settings
from cosmic_morphology.settings.study import SECTIONS


@dataclass(frozen=True, slots=True, repr=False)
class StudyResult(Shown):
    """What a study found and where it stands.

    Attributes
    ----------
    study : str
        Its name.
    cells, new_cells : int
        Models that it needs, and those that were learned now.
    conclusion : tuple of str
        In plain words, computed from the numbers.
    csv, png, page : Path
        The table, the curves, and the page that holds both.
    """

    study: str
    cells: int
    new_cells: int
    conclusion: tuple[str, ...]
    csv: Path
    png: Path
    page: Path


def write_points(path: Path, rows: Sequence[Any], kind: type[Any]) -> None:
    """Rows of one dataclass as CSV, whole or not at all."""
    with whole_text(path) as file:
        table = CsvRows(file)
        table.write([field.name for field in fields(kind)])
        for row in rows:
            table.write(
                [
                    f"{cell:.5f}" if isinstance(cell, float) else cell
                    for cell in asdict(row).values()
                ]
            )


def results_folder(settings: Settings, out: Path | None) -> Path:
    """Where the studies write: ``out``, or a folder beside runs and reports."""
    return out if out is not None else settings.out / "studies"


def write_notes(path: Path, settings: Settings, name: str, atlas: Atlas) -> None:
    """Everything that makes the study again: settings, version of the atlas and of this package."""
    said = settings.study.model_dump(mode="json")
    others = {other for other in SECTIONS if other != name.replace("-", "_")}
    write_json(
        path,
        {
            "study": name,
            "version": __version__,
            "atlas_version": str(atlas.version),
            "settings": {key: value for key, value in said.items() if key not in others},
        },
    )


ALL_SEEDS = "all"


@dataclass(frozen=True, slots=True)
class ScoreRow:
    """One row of ``study.csv``.

    Attributes
    ----------
    study, arm : str
        Which curve of which study.
    x : float
        Place on the curve.
    seed : str
        One seed, or ``all``: the mean over seeds.
    measure, name : str
        Such as ``F1``, and of which class; the name is empty for all classes together.
    value, low, high : float
        With its 95 % interval: bootstrap over groups, and over seeds where there are several.
    n, n_groups : int
        Test images, and groups of them.
    n_train, n_rendered : float
        Images learned from (mean over seeds and folds), and how many of them were rendered.
    labels : str
        ``checked`` or ``computed``.
    grouped_by : str
        What kept learned and tested images apart.
    """

    study: str
    arm: str
    x: float
    seed: str
    measure: str
    name: str
    value: float
    low: float
    high: float
    n: int
    n_groups: int
    n_train: float
    n_rendered: float
    labels: str
    grouped_by: str


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """One row of ``differences.csv``: a place against its reference, on the same images.

    Attributes
    ----------
    study, arm, x : str, str, float
        The place.
    reference, reference_x : str, float
        What it is held against.
    measure, name : str
        As :class:`ScoreRow` has them.
    value, low, high, p_value : float
        The difference with its paired 95 % interval over groups and seeds.
    n, n_groups, labels : int, int, str
        Of the test.
    """

    study: str
    arm: str
    x: float
    reference: str
    reference_x: float
    measure: str
    name: str
    value: float
    low: float
    high: float
    p_value: float
    n: int
    n_groups: int
    labels: str


@dataclass(frozen=True, slots=True)
class BackboneScoreRow(ScoreRow):
    """A row of ``study.csv`` of this study.

    Attributes
    ----------
    model, weights, licence : str
        Timm's name, hash of the file of weights, and their licence.
    size_px, n_features : int
        Side of the input, length of the vector.
    """

    model: str
    weights: str
    licence: str
    size_px: int
    n_features: int


@dataclass(frozen=True, slots=True)
class BackboneDifferenceRow(DifferenceRow):
    """A row of ``differences.csv`` of this study: a backbone against the default.

    Attributes
    ----------
    grouped_by : str
        What kept learned and tested images apart.
    weights, reference_weights : str
        Hashes of both files of weights.
    """

    grouped_by: str
    weights: str
    reference_weights: str


def interval_of(value: float, interval: tuple[float, float], *, signed: bool = False) -> str:
    """``0.812 [0.780, 0.840]``, with signs where it is a difference.

    Examples
    --------
    >>> interval_of(0.812, (0.78, 0.84)), interval_of(0.03, (-0.01, 0.07), signed=True)
    ('0.812 [0.780, 0.840]', '+0.030 [-0.010, +0.070]')
    """
    low, high = interval
    if signed:
        return f"{value:+.3f} [{low:+.3f}, {high:+.3f}]"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"


def listed(names: Sequence[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``.

    Examples
    --------
    >>> listed(["a", "b", "c"]), listed(["a"])
    ('a, b and c', 'a')
    """
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} and {names[-1]}"
