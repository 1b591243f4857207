"""Labels that an atlas has come to by itself, for ``train_folds.py --labels``.

    python benchmarks/labels_of_atlas.py --atlas build/sky/atlas --out curated.csv

By file name. Images of the atlas's test split are left out: people have looked at them, and
their verdicts are their labels.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

from cosmic_morphology.atlas import Atlas


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--atlas", required=True)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    rows = Atlas.open(given.atlas).read(["id", "label", "split"]).sort_by("id").to_pylist()
    found = {
        _file(row["id"]): row["label"]
        for row in rows
        if row["split"] != "test" and row["label"] and "noisy/" not in row["id"]
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    with given.out.open("w", encoding="utf-8", newline="") as out:
        table = csv.writer(out)
        table.writerow(["file", "label"])
        table.writerows(found.items())
    print(f"{len(found)} labels in {given.out}")


def _file(name: str) -> str:
    stem = name.rpartition("/")[2].removeprefix("nasa:").removesuffix(".jpg")
    return f"{stem}.jpg"


if __name__ == "__main__":
    main()
