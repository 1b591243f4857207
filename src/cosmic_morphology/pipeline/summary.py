"""What one run of the pipeline did: ``summary.json``."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.display import Tabular, facts_of
from cosmic_morphology.io_utils import write_json
from cosmic_morphology.stats.score import Score


@dataclass(frozen=True, slots=True)
class RunScore:
    """The score of one trained model; it cannot be told without n, interval and grouping.

    Attributes
    ----------
    name, recipe, backbone, weights : str
        The run.
    trained_on : str
        Where its training labels came from: ``label``, or the name of a voter.
    macro_f1, accuracy : float
        On the test split.
    ci95 : tuple of float
        Bootstrap interval of macro-F1 over groups.
    n_test : int
        Test images.
    labels : str
        ``checked`` (by people) or ``computed``.
    grouped_by : str
        What the split kept together.
    n_groups : int
        Independent groups of the test images.
    guessing : float
        Macro-F1 of guessing on the same images.
    judgement : str
        The score in one plain sentence.
    """

    name: str
    recipe: str
    backbone: str
    weights: str
    trained_on: str
    macro_f1: float
    ci95: tuple[float, float]
    accuracy: float
    n_test: int
    labels: str
    grouped_by: str
    n_groups: int
    guessing: float
    judgement: str

    @property
    def score(self) -> Score:
        """The macro-F1 with all that makes it mean something."""
        return Score(
            "macro-F1",
            self.macro_f1,
            self.ci95,
            self.n_test,
            self.n_groups,
            self.labels,
            self.grouped_by,
        )


@dataclass(slots=True, repr=False)
class PipelineResult(Tabular):
    """The whole run, as it goes into ``summary.json``.

    ``embeddings`` names the column that copies were searched by, or says why there is none;
    ``not_looked_for`` are the certificate's words about what may leak unseen; ``leading`` names
    the run that is best on the val split, which the report leads with.
    """

    collected: int = 0
    failed: dict[str, int] = field(default_factory=dict)
    duplicates: int = 0
    dropped: int = 0
    labels: dict[str, int] = field(default_factory=dict)
    split: dict[str, int] = field(default_factory=dict)
    embeddings: str = ""
    not_looked_for: list[str] = field(default_factory=list)
    runs: list[RunScore] = field(default_factory=list)
    leading: str = ""
    seconds: dict[str, float] = field(default_factory=dict)
    skipped: list[str] = field(default_factory=list)
    peak_memory_mb: float = 0.0
    report: str = ""
    atlas: str = ""
    atlas_version: str = ""

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        for name, value in facts_of(self):
            yield name, [_in_one_line(each) for each in self.runs] if name == "runs" else value

    def rows(self) -> list[dict[str, Any]]:
        """One row for each run."""
        return [dataclasses.asdict(each) for each in self.runs]

    @property
    def leading_score(self) -> RunScore | None:
        """The score of the run that leads; None where nothing was trained."""
        return next((each for each in self.runs if each.name == self.leading), None)

    def write(self, path: Path) -> None:
        """Write ``summary.json``, whole or not at all."""
        write_json(path, self)


def _in_one_line(score: RunScore) -> str:
    low, high = score.ci95
    return (
        f"{score.name} macro-F1 {score.macro_f1:.3f} [{low:.3f}, {high:.3f}] "
        f"(n={score.n_test}, {score.labels} labels)"
    )
