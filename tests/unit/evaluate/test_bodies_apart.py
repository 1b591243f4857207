"""The Sun and each planet are one object: both scores are given, apart and by copies."""

from __future__ import annotations

import pyarrow as pa
import pytest
from evaluate_atlas import CLASSES, draw

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.evaluate import evaluate_run
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import EvaluateSettings

QUICK = EvaluateSettings(bootstrap_resamples=50)
# Title, class, split, and whether the run is right. Learned from: Mars, and no other body.
SAID = [
    ("Mars in opposition", "star", "train", True),
    ("A comet", "comet", "val", True),
    ("Olympus Mons on Mars", "star", "test", True),
    ("Dunes of Mars", "star", "test", True),
    ("Mercury at last", "star", "test", False),
    ("Comet of the year", "comet", "test", True),
    ("A spiral galaxy", "galaxy", "test", True),
]


@pytest.fixture
def atlas(tmp_path) -> Atlas:
    made = Atlas.create(tmp_path / "atlas")
    arrivals, rows = [], []
    for at, (title, label, split, right) in enumerate(SAID):
        data = draw(label, at)
        record = Record("drawn", f"x{at}", title=title)
        arrivals.append(NewImage(record, ingest_image(data), data))
        answer = label if right else "galaxy"
        chances = [0.8 if name == answer else 0.1 for name in CLASSES]
        rows.append(
            {"id": record.id, "label": label, "label_kind": "computed", "split": split,
             "group": record.id, "prediction_run": answer, "confidence_run": 0.8,
             "probabilities_run": chances}
        )  # fmt: skip
    made.add(arrivals)
    stamp = ColumnProvenance("test", {"classes": list(CLASSES)}, "1")
    made.replace_columns(pa.Table.from_pylist(rows), stamp)
    return made


def test_images_of_a_body_that_was_learned_from_are_left_out_of_objects_apart(atlas):
    found = evaluate_run(atlas, "run", classes=CLASSES, settings=QUICK)
    assert (found.best_known.n, found.best_known.accuracy.value) == (5, 0.8)
    # Without the two of Mars; Mercury, which was never seen, stays.
    assert (found.apart.n, found.apart.accuracy.value) == (3, pytest.approx(2 / 3))
    assert [(row["bodies"], row["n"]) for row in found.rows()] == [
        ("bodies by copies", 5), ("objects apart", 3)]  # fmt: skip


def test_without_such_bodies_all_scores_are_of_objects_apart(atlas):
    found = evaluate_run(
        atlas, "run", classes=CLASSES, settings=QUICK,
        where="split = 'test' AND title NOT LIKE '%Mars%'",
    )  # fmt: skip
    assert found.apart is None
    assert [row["bodies"] for row in found.rows()] == ["objects apart"]


def test_the_page_gives_both_scores(atlas, tmp_path):
    from evaluate_atlas import write_run

    from cosmic_morphology.evaluate.scored_run import ScoredRun
    from cosmic_morphology.learn.run_folder.folder import read_run
    from cosmic_morphology.report import write_report

    folder = write_run(tmp_path, "run")
    found = evaluate_run(atlas, "run", classes=CLASSES, settings=QUICK)
    page = write_report(
        atlas, out=tmp_path / "out", scored=[ScoredRun(read_run(folder), found)], settings=QUICK
    ).read_text("utf-8")
    part = page[page.index('id="apart"') :]
    assert "macro-F1, objects apart" in part[:2000]
