"""The board ranks runs honestly, on every test that it is given."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from evaluate_atlas import CLASSES, add_predictions, draw, make_atlas, write_run
from PIL import Image

from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate import CorruptedInputs, rank_runs
from cosmic_morphology.evaluate.corruptions import SMALL_SIDE_PX
from cosmic_morphology.report import write_leaderboard
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings

QUICK = EvaluateSettings(bootstrap_resamples=60)
TESTS = {"all": "split = 'test'", "site a": "split = 'test' AND collection = 'site-a'"}


def board_of(atlas, runs, out):
    boards = rank_runs(atlas, runs, TESTS, settings=QUICK, seed=DEFAULT_SEED)
    return write_leaderboard(atlas, boards, out, settings=QUICK)


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    out = tmp_path_factory.mktemp("board")
    atlas = make_atlas(out / "atlas", per_class=18)
    runs = [write_run(out, name) for name in ("bad", "good", "silent")]
    add_predictions(atlas, "good", wrong=0.1)
    add_predictions(atlas, "bad", wrong=0.8, seed=1)
    return atlas, runs, board_of(atlas, runs, out / "board")


def table(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_runs_are_ranked_on_each_test_with_all_that_a_score_needs(board):
    rows = table(board[2].csv)
    assert [(row["test"], row["rank"], row["run"]) for row in rows] == [
        ("all", "1", "good"),
        ("all", "2", "bad"),
        ("site a", "1", "good"),
        ("site a", "2", "bad"),
    ]
    for row in rows:
        assert float(row["macro_f1_low"]) <= float(row["macro_f1"]) <= float(row["macro_f1_high"])
        assert int(row["n"]) >= int(row["n_groups"]) > 1
        assert row["labels"] == "checked"
        assert row["grouped_by"]
        assert sum(int(row[f"n_{name}"]) for name in CLASSES) == int(row["n"])
    assert int(rows[0]["n"]) > int(rows[2]["n"])
    assert rows[0]["to_best"] == ""
    assert float(rows[1]["to_best_high"]) < 0


def test_parts_of_all_runs_are_in_their_own_table(board):
    rows = [row for row in table(board[2].parts_csv) if row["test"] == "all"]
    for run in ("good", "bad"):
        for by, parts in (("source", 2), ("collection", 2), ("size of the target", 1)):
            own = [row for row in rows if row["run"] == run and row["by"] == by]
            assert len(own) >= parts
            assert sum(int(row["n"]) for row in own) == int(table(board[2].csv)[0]["n"])


def test_the_page_shows_ranks_and_names_who_has_no_score(board):
    text = board[2].page.read_text("utf-8")
    assert text.index("good") < text.index("bad")
    assert "silent has no score" in text
    assert "default-src 'none'" in text
    assert "http" not in text.replace("http-equiv", "")


def test_doing_it_twice_writes_the_same(board, tmp_path):
    atlas, runs, first = board
    second = board_of(atlas, runs, tmp_path)
    for one, two in ((first.csv, second.csv), (first.page, second.page)):
        assert one.read_bytes() == two.read_bytes()


def test_a_board_without_any_score_is_an_error(board, tmp_path):
    atlas, runs, _ = board
    with pytest.raises(UsageError, match="no run could be scored"):
        board_of(atlas, runs[2:], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_shown_changed_images_and_the_same_ones_each_time():
    class Listener:
        name, classes, reject_below = "ears", CLASSES, 0.5

        def __init__(self):
            self.heard = []

        def predict(self, thumbnails):
            self.heard.append(list(thumbnails))
            return np.zeros((len(thumbnails), len(CLASSES)), np.float32)

        def fingerprint(self):
            return "ears"

    judge, images = Listener(), [draw("comet", seed) for seed in range(40)] + [b"no image"]
    asked = CorruptedInputs.of(judge)
    assert asked.predict(images).shape == (41, len(CLASSES))
    asked.predict(images)
    first, second = judge.heard
    assert first == second
    assert all(one != other for one, other in zip(first[:-1], images[:-1], strict=True))
    assert first[-1] == b"no image"
    opened = [Image.open(io.BytesIO(each)) for each in first[:-1]]
    # Of five changes at least these leave marks that anybody can see.
    assert any(max(each.size) == SMALL_SIDE_PX for each in opened)
    assert any(np.ptp(np.asarray(each).astype(int), axis=2).max() == 0 for each in opened)
    assert asked.fingerprint() != judge.fingerprint()
