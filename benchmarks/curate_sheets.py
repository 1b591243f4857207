"""Reviewing by sheets of look-alikes: actions and images looked at for 0.98 right labels.

    python benchmarks/curate_labels.py                  # fills build/curate-labels first
    python benchmarks/record.py curate -- python benchmarks/curate_sheets.py

The reviewer is simulated with the truth, which stands for the person and is used for nothing else:
on each sheet he says the class that most of its images are, and names the others singly. After a
few sheets labels and checks are computed anew. The draws of 2,000 images differ by their seed.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
from curate_labels import ALWAYS, ROOT, TAXONOMY, Truth, column
from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate import (
    check_mislabels,
    check_relevance,
    label,
    review_queue,
    review_sheets,
    sheet_verdicts,
)

COMMAND = "python benchmarks/curate_sheets.py"
N = 2000
AT_ONCE = 4
AIM = 0.98
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build/curate-labels")
    parser.add_argument("--draws", type=int, default=3)
    parser.add_argument("--first", type=int, default=0, help="seed of the first draw")
    given = parser.parse_args()
    found = [
        reviewed(given.work, Truth(), seed)
        for seed in range(given.first, given.first + given.draws)
    ]
    emit(
        _row(what, [each[at] / N for each in found], target)
        for at, (what, target) in enumerate((("actions", 0.18), ("images looked at", 0.40)))
    )


def reviewed(work: Path, truth: Truth, seed: int) -> tuple[int, int]:
    """Actions and images looked at until so many of 2,000 labels are right."""
    chosen = np.random.default_rng(seed).choice(sorted(truth.label), N, replace=False).tolist()
    actions = looked = 0
    with tempfile.TemporaryDirectory(dir=work) as folder:
        shutil.copytree(work / "atlas", Path(folder) / "atlas")
        atlas = Atlas.open(Path(folder) / "atlas")
        _label(atlas)
        # The queue asks about the best copy; it need not be one of the 2,000.
        best = column(atlas, "duplicate_of")
        asked = {*chosen, *(best[each] for each in chosen if best[each] in truth.label)}
        for step in range(N):
            now = column(atlas, "label")
            share = float(np.mean([now[each] == truth.label[each] for each in chosen]))
            print(f"draw {seed}: {actions} actions, {looked} looked: {share:.4f}", file=sys.stderr)
            if share >= AIM:
                break
            queue = [each for each in review_queue(atlas, taxonomy=TAXONOMY) if each.id in asked]
            for sheet in review_sheets(atlas, taxonomy=TAXONOMY, queue=queue, limit=AT_ONCE):
                right = {item.id: truth.label[item.id] for item in sheet.items}
                most = Counter(right.values()).most_common(1)[0][0]
                exceptions = {id_: name for id_, name in right.items() if name != most}
                at = START + timedelta(minutes=step)
                said = {"taxonomy": TAXONOMY, "who": "simulated", "at": at}
                atlas.append_decisions(sheet_verdicts(sheet, most, exceptions, **said))
                actions += 1 + len(exceptions)
                looked += len(right)
            _label(atlas)
    return actions, looked


def _label(atlas: Atlas) -> None:
    how = {"taxonomy": TAXONOMY, "settings": ALWAYS}
    label(atlas, **how)
    check_mislabels(atlas, **how)
    check_relevance(atlas, **how)


def _row(what: str, shares: list[float], target: float) -> Row:
    name = (
        f"sheets: {what} for {AIM} right labels on 2,000 images (reviewer simulated with the "
        f"truth, truth version 2; interval: {len(shares)} draws)"
    )
    mean, low, high = (round(float(f(shares)), 4) for f in (np.mean, np.min, np.max))
    return Row(name, mean, low, high, N, "share", target, "lower", COMMAND)


if __name__ == "__main__":
    main()
