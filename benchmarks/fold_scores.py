"""Measures of answers with intervals over whole groups."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rows import Row
from sklearn.metrics import f1_score

from cosmic_morphology.stats.calibration import classwise_ece

SEED = 1
N_RESAMPLES = 1000
COVERAGE = 0.8
TRUTH = "checked labels (truth version 2)"
WORDS = {
    "objects": "objects apart",
    "collections": "collections apart",
    "bodies": "bodies by copies",
}


class Scored:
    """Measures of answers, with 95 % bootstrap intervals over whole groups."""

    def __init__(self, chances: np.ndarray, targets: np.ndarray, units: np.ndarray) -> None:
        self._chances, self._targets = chances, targets
        rng = np.random.default_rng(SEED)
        members = [np.flatnonzero(units == unit) for unit in np.unique(units)]
        self._drawn = [
            np.concatenate([members[k] for k in rng.integers(0, len(members), len(members))])
            for _ in range(N_RESAMPLES)
        ]

    def macro_f1(self, rows: np.ndarray) -> float:
        answers = self._chances[rows].argmax(1)
        return float(f1_score(self._targets[rows], answers, average="macro"))

    def f1_of(self, at: int) -> Callable[[np.ndarray], float]:
        def measure(rows: np.ndarray) -> float:
            said, right = self._chances[rows].argmax(1) == at, self._targets[rows] == at
            return float(f1_score(right, said, zero_division=0))

        return measure

    def ece(self, rows: np.ndarray) -> float:
        return classwise_ece(self._chances[rows], self._targets[rows])

    def precision(self, rows: np.ndarray) -> float:
        surest = rows[np.argsort(-self._chances[rows].max(1))][: int(COVERAGE * len(rows))]
        return float((self._chances[surest].argmax(1) == self._targets[surest]).mean())

    def row(
        self,
        what: str,
        measure: Callable[[np.ndarray], float],
        unit: str,
        target: float | None,
        command: str,
        better: str = "higher",
    ) -> Row:
        n = len(self._targets)
        value = measure(np.arange(n))
        drawn = np.array([measure(rows) for rows in self._drawn])
        low, high = np.percentile(drawn, [2.5, 97.5])
        if better == "lower":
            # Images drawn twice make every resample look worse calibrated than the whole: take
            # the spread of the resamples, not where they lie.
            low, high = value - 1.96 * drawn.std(), value + 1.96 * drawn.std()
        return Row(
            what,
            round(value, 4),
            round(max(0.0, float(low)), 4),
            round(float(high), 4),
            n,
            unit,
            target,
            better,
            command,
        )
