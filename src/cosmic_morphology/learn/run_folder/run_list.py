"""All runs of a folder in one table; neither torch nor the atlas is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from cosmic_morphology.display import Tabular, table_html
from cosmic_morphology.errors import CosmicError, InputError
from cosmic_morphology.io_utils import data_frame, write_csv
from cosmic_morphology.learn.run_folder.documents import METRICS, Count, Part, Share, Text, checked
from cosmic_morphology.learn.run_folder.folder import FINISHED, Run, read_run
from cosmic_morphology.learn.run_folder.val_predictions import read_val_predictions, score_val
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings
from cosmic_morphology.stats.score import LABEL_KINDS, Score

COLUMNS = (
    "run", "recipe", "backbone", "weights", "trained_on", "seed", "split", "label_kind",
    "macro_f1", "low", "high", "accuracy", "ece", "n", "n_groups", "n_train", "epochs", "seconds",
    "path",
)  # fmt: skip


class _StoredScore(Part):
    name: Text
    value: Share
    interval: tuple[Share, Share] = Field(strict=False)  # a list, in JSON
    n: Count
    n_groups: Count
    labels: Text
    grouped_by: Text


class _StoredScores(Part):
    macro_f1: _StoredScore
    accuracy: _StoredScore
    calibration: _StoredScore | None = None


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run with its best known scores.

    Attributes
    ----------
    run, recipe, backbone, weights, trained_on : str
        Which run it is, what its backbone started from, and where its labels came from.
    seed : int
        Seed of its training.
    split : str
        ``test`` where `cosmic evaluate` has scored it; otherwise ``val``, which chose its best
        epoch: such scores are too good. Empty without any.
    macro_f1, accuracy : Score or None
        On that split, with n, interval and kind of label.
    ece : float or None
        Class-wise expected calibration error on that split.
    n_train : int or None
        Images that it was trained on.
    epochs : int or None
        Epochs of its training.
    seconds : float
        Duration of the training.
    path : Path
        Its folder.
    """

    run: str
    recipe: str
    backbone: str
    weights: str
    trained_on: str
    seed: int
    split: str
    macro_f1: Score | None
    accuracy: Score | None
    ece: float | None
    n_train: int | None
    epochs: int | None
    seconds: float
    path: Path

    def cells(self) -> dict[str, Any]:
        """What the table of runs has of it, by :data:`COLUMNS`."""
        score, accuracy = self.macro_f1, self.accuracy
        known = {name: getattr(self, name) for name in COLUMNS if hasattr(self, name)}
        return {name: known.get(name) for name in COLUMNS} | {
            "label_kind": score.labels if score else "",
            "macro_f1": score.value if score else None,
            "low": score.interval[0] if score else None,
            "high": score.interval[1] if score else None,
            "accuracy": accuracy.value if accuracy else None,
            "n": score.n if score else None,
            "n_groups": score.n_groups if score else None,
            "path": str(self.path),
        }


class RunList(Tabular, Sequence[RunRow]):
    """Runs with their scores.

    Parameters
    ----------
    rows : sequence of RunRow
        The runs.
    left_out : dict of str to str
        Folders that hold no usable run, with why.
    """

    def __init__(self, rows: Sequence[RunRow], left_out: dict[str, str]) -> None:
        self._rows = tuple(rows)
        self.left_out = left_out

    def __getitem__(self, at: Any) -> Any:
        """One run, or some."""
        return self._rows[at]

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        sentence = (
            f"{row.run}: {row.split} {row.macro_f1}" if row.macro_f1 else f"{row.run}: no scores"
            for row in self
        )
        return "\n".join(sentence) or "<no runs>"

    def _repr_html_(self) -> str:
        return table_html("runs", [row.cells() for row in self])

    def to_pandas(self) -> Any:
        """One row for each run, with the columns of :data:`COLUMNS`.

        Raises
        ------
        MissingExtraError
            pandas is not installed.
        """
        return data_frame([row.cells() for row in self], COLUMNS)

    def write(self, file: Path) -> None:
        """Write the rows as CSV, with the columns of :data:`COLUMNS`."""
        write_csv(file, COLUMNS, [row.cells() for row in self])


def runs(
    folder: Path | str = "cosmic-out",
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
) -> RunList:
    """List the finished runs of a folder with their scores, the best known and best first.

    Parameters
    ----------
    folder : Path or str
        ``out`` of the settings, or its folder ``runs``.
    settings : EvaluateSettings, optional
        Number of resamples for intervals on the val split.
    seed : int
        Seed of the resamples.

    Returns
    -------
    RunList
        The runs, the best first; ``to_pandas`` gives a table.

    Raises
    ------
    InputError
        There is no such folder.

    Examples
    --------
    >>> [(each.run, each.recipe == run.recipe) for each in cosmic.runs(run.path.parent)]
    [('probe', True)]
    """
    place = Path(folder)
    place = place / "runs" if (place / "runs").is_dir() else place
    if not place.is_dir():
        raise InputError(
            "there is no such folder",
            where=str(folder),
            todo="Give the folder of runs, or train one: cosmic train.",
        )
    folders = [each for each in sorted(place.iterdir()) if each.is_dir()]
    found = list_folders(folders, settings=settings, seed=seed)
    return RunList(sorted(found, key=_order), found.left_out)


def list_folders(
    folders: Sequence[Path],
    *,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
    val_only: bool = False,
) -> RunList:
    """As :func:`runs`, of given folders in their order; what holds no run is left out, with why.

    With ``val_only`` the scores are those of the val split, also where there are test scores: what
    chooses between runs must not see the test split.
    """
    settings = settings or EvaluateSettings()
    rows: list[RunRow] = []
    left_out: dict[str, str] = {}
    for each in folders:
        if not (each / FINISHED).is_file():
            left_out[each.name] = "there is no finished run here"
            continue
        try:
            rows.append(read_run_row(each, settings, seed=seed, val_only=val_only))
        except CosmicError as error:
            left_out[each.name] = str(error)
    return RunList(rows, left_out)


def read_run_row(
    folder: Path, settings: EvaluateSettings, *, seed: int = DEFAULT_SEED, val_only: bool = False
) -> RunRow:
    """One run with the best known of its scores.

    Raises
    ------
    InputError
        A file of the run is damaged.
    """
    facts = read_run(folder)
    test = None if val_only else _test_scores(facts)
    val = None if test else read_val_predictions(folder, facts.classes)
    split = "test" if test else "val" if val else ""
    scores: tuple[Score, Score] | None = None
    ece = None
    if test:
        scores = _score(test.macro_f1), _score(test.accuracy)
        ece = test.calibration.value if test.calibration else None
    elif val:
        n = settings.bootstrap_resamples
        scores = score_val(val, facts.trained_on, n_classes=len(facts.classes), n=n, seed=seed)
        ece = facts.metrics.get("val_classwise_ece")
    return RunRow(
        run=facts.name,
        recipe=facts.recipe,
        backbone=facts.backbone,
        weights=facts.weights,
        trained_on=facts.trained_on,
        seed=facts.settings.get("seed", 0),
        split=split,
        macro_f1=scores[0] if scores else None,
        accuracy=scores[1] if scores else None,
        ece=ece,
        n_train=facts.metrics.get("n_train"),
        epochs=facts.metrics.get("epochs"),
        seconds=facts.metrics.get("seconds", 0.0),
        path=folder,
    )


def _order(row: RunRow) -> tuple[int, int, float, str]:
    score = row.macro_f1
    kind = score.labels if score else ""
    known = LABEL_KINDS.index(kind) if kind in LABEL_KINDS else len(LABEL_KINDS)
    return (("test", "val", "").index(row.split), known, -score.value if score else 0.0, row.run)


def _test_scores(facts: Run) -> _StoredScores | None:
    """Scores on the best known labels, as the last evaluation wrote them."""
    test = facts.metrics.get("test") or {}
    found = next((test[kind] for kind in LABEL_KINDS if test.get(kind)), None)
    if found is None:
        return None
    return checked(found, _StoredScores, where=str(facts.path / METRICS))


def _score(stored: _StoredScore) -> Score:
    return Score(**stored.model_dump())
