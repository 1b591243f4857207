"""What a first look at a folder of images has found, in plain sentences."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.evaluate.judgement import Judgement
from cosmic_morphology.pipeline.summary import PipelineResult, RunScore
from cosmic_morphology.taxonomy import Taxonomy

_SHOWN = 3
_COLUMNS = (
    "id", "given_label", "label", "split", "duplicate_flag", "mislabel_flag", "mislabel_score",
    "suggested_label",
)  # fmt: skip


def is_trainable(atlas: Atlas, taxonomy: Taxonomy) -> bool:
    """Whether two classes can be learned from, and a test image of them can be scored on."""
    rows = _labelled(atlas, taxonomy)
    learned = {row["label"] for row in rows if row["split"] == "train"}
    return len(learned) > 1 and any(row["split"] == "test" for row in rows)


def findings(atlas: Atlas, taxonomy: Taxonomy, summary: PipelineResult) -> Iterator[str]:
    """Sentences for a person who sees a report for the first time.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    taxonomy : Taxonomy
        The classes.
    summary : PipelineResult
        What the run did.
    """
    rows = atlas.read(list(_COLUMNS)).to_pylist()
    labelled = [row for row in rows if row["label"] in taxonomy.names]
    leading = summary.leading_score
    if leading is not None:
        yield _on_score(leading, labelled)
    else:
        yield _why_not_trained(rows, labelled)
    yield from _on_classes(labelled, taxonomy, summary)
    yield from _on_mislabels(rows)
    yield from _on_unlabelled(rows, labelled)
    yield _on_images(rows, summary)


def _labelled(atlas: Atlas, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    rows = atlas.read(["label", "split"]).to_pylist()
    return [row for row in rows if row["label"] in taxonomy.names]


def _on_score(score: RunScore, labelled: list[dict[str, Any]]) -> str:
    judged = Judgement(score.score, score.guessing)
    low, high = score.ci95
    learned = f"{sum(row['split'] == 'train' for row in labelled)} labelled training images"
    sentence = f"macro-F1 is {score.macro_f1:.2f}. {judged.sentence()} {judged.caution}".rstrip()
    if not judged.is_wide:
        return f"{learned}: the interval is {low:.2f} to {high:.2f}; {sentence}"
    return (
        f"{learned} and {score.n_test} test images are too few to trust: the "
        f"interval is {low:.2f} to {high:.2f}; label about "
        f"{judged.images_wanted(len(labelled))} more. {sentence[0].upper()}{sentence[1:]}"
    )


def _why_not_trained(rows: list[dict[str, Any]], labelled: list[dict[str, Any]]) -> str:
    classes = sorted({row["label"] for row in labelled})
    if not labelled:
        given = Counter(row["given_label"] for row in rows if row["given_label"])
        why = f"None of the {len(rows)} images has a label, so nothing was trained."
        if given:
            names = ", ".join(name for name, _ in given.most_common(_SHOWN))
            why += f" What they came labelled with ({names}) names no class of the taxonomy."
    elif len(classes) < 2:
        why = f"All labelled images are of one class ({classes[0]}), so nothing was trained."
    else:
        why = (
            f"{len(labelled)} labelled images are too few to be divided into train and test, so "
            "nothing was trained."
        )
    return (
        f"{why} Put the images of each class into a folder of its own, or give a table with --csv "
        "(columns file and label) and a new --out, or label them one by one with "
        "`cosmic review start`."
    )


def _on_classes(
    labelled: list[dict[str, Any]], taxonomy: Taxonomy, summary: PipelineResult
) -> Iterator[str]:
    """Classes that cannot be scored, which an average over the classes hides."""
    tested = {row["label"] for row in labelled if row["split"] == "test"}
    known = {row["label"] for row in labelled}
    lacking = [name for name in taxonomy.names if name in known and name not in tested]
    if summary.runs and lacking:
        yield f"No test image shows: {', '.join(lacking)}. The score says nothing about them."


def _on_mislabels(rows: list[dict[str, Any]]) -> Iterator[str]:
    flagged = [row for row in rows if row["mislabel_flag"]]
    if not flagged:
        return
    worst = sorted(flagged, key=lambda row: (row["mislabel_score"] or 0.0, row["id"]))[:_SHOWN]
    shown = ", ".join(f"{row['id']} (rather {row['suggested_label']})" for row in worst)
    verb = "label is" if len(flagged) == 1 else "labels are"
    yield f"{len(flagged)} {verb} doubtful; the likeliest mislabelled: {shown}."


def _on_unlabelled(rows: list[dict[str, Any]], labelled: list[dict[str, Any]]) -> Iterator[str]:
    without = [row for row in rows if not row["label"]]
    if labelled and without:
        names = Counter(row["given_label"] for row in without if row["given_label"])
        shown = ", ".join(f"{name} ({n})" for name, n in names.most_common(_SHOWN))
        given = f", such as those that came as {shown}" if shown else ""
        yield f"{len(without)} images have no label and were not trained on{given}."


def _on_images(rows: list[dict[str, Any]], summary: PipelineResult) -> str:
    sentence = f"{len(rows)} image{' is' if len(rows) == 1 else 's are'} in the atlas"
    copies = sum(bool(row["duplicate_flag"]) for row in rows)
    if copies:
        are = "is a copy" if copies == 1 else "are copies"
        sentence += f"; {copies} {are} of another one, and copies stay in one split"
    refused = sum(summary.failed.values())
    if refused:
        kinds = ", ".join(f"{n} {kind}" for kind, n in sorted(summary.failed.items()))
        sentence += f"; {refused} file{'' if refused == 1 else 's'} could not be used ({kinds})"
    return f"{sentence}."
