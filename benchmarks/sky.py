"""The pipeline on real images: search-word labels against curated labels, on checked labels.

    python benchmarks/record.py main -- python benchmarks/sky.py
    python benchmarks/record.py main -- python benchmarks/sky.py lite
    python benchmarks/record.py main -- python benchmarks/sky.py resnet50
    python benchmarks/record.py curate -- python benchmarks/sky.py gain
    python benchmarks/record.py curate -- python benchmarks/sky.py lite gain

``gain`` gives what curated labels are worth: the same recipes taught both kinds of labels, compared
on the same test images, instead of the scores. ``lite`` trains a small backbone, which two
cores can also fine-tune within minutes; ``resnet50`` the reference with its real weights, which
needs the model hub. Truth is used for scoring only: it comes in as verdicts on
images of the test split.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from pydantic_core import to_json
from rows import Row, emit

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.evaluate.compare import compare_runs
from cosmic_morphology.evaluate.evaluate import evaluate_run
from cosmic_morphology.pipeline import PipelineResult, run
from cosmic_morphology.pipeline.summary import RunScore
from cosmic_morphology.settings import LearnSettings, Settings, load_settings
from cosmic_morphology.taxonomy import load_taxonomy

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"
COMMAND = "python benchmarks/sky.py"


def main() -> None:
    lite, gain, reference = (word in sys.argv[1:] for word in ("lite", "gain", "resnet50"))
    settings = load_settings(ROOT / f"benchmarks/sky{'_lite' if lite else ''}.toml")
    if reference:
        settings.learn, settings.out = LearnSettings(), settings.out / "resnet50"
    settings.out = settings.out.resolve()
    settings.out.mkdir(parents=True, exist_ok=True)
    settings.review[0].path = settings.out / "verdicts.csv"
    write_verdicts(settings.review[0].path)
    summary = run(settings, tell=lambda line: print(line, file=sys.stderr))
    print(to_json(summary, indent=1).decode(), file=sys.stderr)
    command = " ".join([COMMAND, *sys.argv[1:]])
    emit(gain_rows(settings, summary, command) if gain else score_rows(summary, command))


def write_verdicts(path: Path) -> None:
    """Checked labels as verdicts; renders that are no photographs are left out."""
    source = {row["file"]: row["source"] for row in table("catalogue.csv")}
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(["id", "label", "who", "when"])
        for row in table("truth.csv"):
            if row["part"] == "extra":
                continue
            stem = row["file"].removesuffix(".jpg")
            of_nasa = source[row["file"]] == "apod"
            each = f"nasa:{stem}" if of_nasa else f"folder:sky/{row['file']}"
            out.writerow([each, row["class"], "truth.csv", "2026-11-22"])
        for row in table("noisy_truth.csv"):
            each = f"folder:noisy/{row['file']}"
            out.writerow([each, row["true_label"], "noisy_truth.csv", "2026-11-22"])


def table(name: str) -> list[dict[str, str]]:
    with (SHARED / "sky" / name).open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def score_rows(summary: PipelineResult, command: str) -> list[Row]:
    rows = []
    for score in summary.runs:
        if score.labels != "checked":
            sys.exit(f"{score.name} was scored on {score.labels} labels: the verdicts are missing")
        what = (
            f"real images: macro-F1 of {score.name} ({score.recipe} on {score.backbone}, "
            f"trained on {score.trained_on}; six classes, checked labels, "
            f"groups apart: {score.grouped_by})"
        )
        low, high = score.ci95
        # 0.84: a linear probe on the same features with checked training labels.
        aims = score.trained_on != "search_word" and "b4" in score.backbone
        target = 0.84 if aims else None
        rows.append(
            Row(
                what,
                round(score.macro_f1, 4),
                round(low, 4),
                round(high, 4),
                score.n_test,
                "macro-F1",
                target,
                "higher",
                command,
            )
        )
    small = " (small backbone)" if command.endswith("lite") else ""
    rows.append(
        Row(
            f"leaks of the split on real images{small}",
            summary.split["leaks"],
            n=summary.split["groups"],
            unit="pairs",
            target=0,
            better="lower",
            command=command,
        )
    )
    return rows


def gain_rows(settings: Settings, summary: PipelineResult, command: str) -> list[Row]:
    """Macro-F1 with curated labels less that with search-word labels, for each recipe."""
    atlas = Atlas.open(str(settings.atlas))
    classes = load_taxonomy(settings.taxonomy).names
    by_recipe: dict[str, dict[str, RunScore]] = {}
    for score in summary.runs:
        by_recipe.setdefault(score.recipe, {})[score.trained_on] = score
    rows = []
    for recipe, taught in by_recipe.items():
        if set(taught) != {"search_word", "label"}:
            continue
        plain, curated = (
            evaluate_run(atlas, taught[labels].name, classes=classes, seed=settings.seed)
            for labels in ("search_word", "label")
        )
        gap = compare_runs([plain, curated], seed=settings.seed, labels="checked")
        found = next(each.to_first for each in gap.runs if each.to_first)
        what = (
            f"curated labels instead of search words: gain in macro-F1 ({recipe} on "
            f"{taught['label'].backbone}; six classes, checked labels, "
            f"groups apart: {taught['label'].grouped_by})"
        )
        low, high = (round(end, 4) for end in found.interval)
        rows.append(
            Row(what, round(found.value, 4), low, high, found.n, "macro-F1", 0.30, command=command)
        )
    return rows


if __name__ == "__main__":
    main()
