"""The board: recipes and backbones of ``train_folds.py``, best first, compared in pairs.

    python benchmarks/board.py --keep DIR

Every recipe has judged the same images by models that had not seen them, as bare images and as
records. The differences to the best one and to the plain probe are paired bootstraps over groups:
an interval that holds 0 may be chance.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
from fold_scores import N_RESAMPLES, SEED, TRUTH, WORDS
from rows import Row, emit

from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import bootstrap_interval, paired_difference
from cosmic_morphology.taxonomy import load_taxonomy

COMMAND = "python benchmarks/board.py --keep DIR"
PLAIN_PROBE = "linear-probe"
ANSWERS = {"plain": "bare images", "records": "records answered from pixels and texts"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, required=True, help="as train_folds.py had it")
    folder = parser.parse_args().keep / "answers"
    entries = [dict(np.load(file)) for file in sorted(folder.glob("*.npz"))]
    names = load_taxonomy().names_with_reject
    for apart in ("objects", "collections", "bodies"):
        here = [entry for entry in entries if str(entry["apart"]) == apart]
        for kind, k in (("six", len(names) - 1), ("seven", len(names))):
            for of in ANSWERS:
                emit(ranked(here, apart, kind, names[:k], of))


def ranked(
    entries: list[dict[str, Any]], apart: str, kind: str, classes: tuple[str, ...], of: str
) -> list[Row]:
    """Macro-F1 of each entry, best first, and its differences to the best and the plain probe."""
    judged = [(entry, *_judged(entry, classes, of)) for entry in entries]
    judged.sort(key=lambda each: -_macro_f1(each[1], each[2], len(classes)))
    rows = []
    plain = [each for each in judged if str(each[0]["name"]) == PLAIN_PROBE]
    for place, (entry, right, said, groups) in enumerate(judged, 1):
        who = f"{entry['name']} on {entry['backbone']}"
        low, high = bootstrap_interval(
            metrics.macro_f1, right, said, groups, n=N_RESAMPLES, seed=SEED, n_classes=len(classes)
        )
        what = f"board, {kind} classes, {WORDS[apart]}, {TRUTH}, {ANSWERS[of]}: {place}. {who}"
        value = _macro_f1(right, said, len(classes))
        rows.append(Row(what, round(value, 4), low, high, len(right), "macro-F1", command=COMMAND))
        others = [("the best", judged[0]), *((PLAIN_PROBE, each) for each in plain)]
        for name, other in others:
            if other[0] is entry:
                continue
            gap = paired_difference(
                metrics.macro_f1, right, other[2], said, groups,
                n=N_RESAMPLES, seed=SEED, n_classes=len(classes),
            )  # fmt: skip
            low, high = (round(each, 4) for each in gap.interval)
            rows.append(
                Row(
                    f"{what}, less {name}", round(gap.value, 4), low, high, gap.n, "macro-F1",
                    command=COMMAND,
                )
            )  # fmt: skip
    return rows


def _judged(
    entry: dict[str, Any], classes: tuple[str, ...], of: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    chosen = np.isin(entry["labels"], classes)
    right = metrics.encode([str(each) for each in entry["labels"][chosen]], classes)
    said = entry[of][chosen][:, : len(classes)].argmax(1)
    return right, said, entry["groups"][chosen]


def _macro_f1(right: np.ndarray, said: np.ndarray, k: int) -> float:
    return float(metrics.macro_f1(metrics.confusion_matrix(right, said, k)))


if __name__ == "__main__":
    main()
