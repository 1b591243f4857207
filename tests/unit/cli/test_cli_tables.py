"""Tables in a terminal stay whole at 80 columns, and progress in a pipe is a few lines."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.cli import printing
from cosmic_morphology.cli.printing import show_table

HEADINGS = ("run", "recipe", "backbone", "macro-F1", "n", "s")
WIDE = ("run", "recipe", "backbone")


def shown(capsys, rows, width, **how):
    show_table(HEADINGS, rows, wide=WIDE, **how)
    lines = capsys.readouterr().out.splitlines()
    assert all(len(line) <= width for line in lines)
    return lines


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.mark.parametrize("width", [80, 60])
def test_a_long_name_has_a_line_of_its_own_and_no_number_is_cut(monkeypatch, capsys, width):
    monkeypatch.setenv("COLUMNS", str(width))
    name, backbone = "n" * 50, "tf_efficientnet_b4.ns_jft_in1k"
    lines = shown(capsys, [(name, "finetune", backbone, "0.912", "123456", "98765")], width)
    assert lines[2] == name
    recipe, short, *numbers = lines[3].split()
    assert (recipe, numbers) == ("finetune", ["0.912", "123456", "98765"])
    start, _, end = short.partition("…")
    assert backbone.startswith(start)
    assert backbone.endswith(end)
    assert len(start + end) >= 12


def test_a_row_that_goes_on_about_the_one_before_loses_nothing_as_a_paragraph(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "50")
    rows = [("a" * 40, "b" * 40, "same image"), ("", "c" * 40, "same bytes")]
    headings = ("kept", "copy", "why")
    show_table(headings, rows, wide=headings, whole=True)
    shown = capsys.readouterr().out
    assert [line.split()[:2] for line in shown.splitlines()] == [
        ["kept", "a" * 40],
        ["copy", "b" * 40],
        ["why", "same"],
        ["copy", "c" * 40],
        ["why", "same"],
    ]


def test_where_columns_do_not_fit_each_row_is_a_paragraph_with_all_of_it(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    rows = [(each * 40, "r" * 30, "b" * 30, "0.912", "123456", "98765") for each in "no"]
    lines = shown(capsys, rows, 60, whole=True)
    assert lines[0] == f"run {'n' * 40}"
    assert [line for line in lines if line.startswith("run ")][1] == f"run {'o' * 40}"
    text = " ".join(" ".join(lines).split())
    assert f"recipe {'r' * 30} backbone {'b' * 30} macro-F1 0.912 n 123456 s 98765" in text


def test_a_name_longer_than_the_screen_goes_on_in_the_next_line(narrow, capsys):
    lines = shown(capsys, [("n" * 90, "b", "c", "0.5", "1", "2")], 80)
    assert [lines[2], lines[3]] == ["n" * 80, "n" * 10]


def test_two_columns_may_have_one_heading(narrow, capsys):
    show_table(("differs in", "a", "a"), [("seed", "1", "2")], wide=("differs in", "a"))
    assert capsys.readouterr().out.splitlines()[2].split() == ["seed", "1", "2"]


def test_short_names_take_no_more_room_than_they_need(narrow, capsys):
    lines = shown(capsys, [("a", "b", "c", "0.5", "1", "2")], 80)
    assert lines[2].split() == ["a", "b", "c", "0.5", "1", "2"]
    assert len(lines[2].rstrip()) < 50


def test_the_first_name_is_not_folded_while_there_is_room(narrow, capsys):
    name = "n" * 40
    lines = shown(capsys, [(name, "b", "c", "0.5", "1", "2")], 80)
    assert lines[2].split() == [name, "b", "c", "0.5", "1", "2"]


def test_a_column_of_recipes_stands_there_only_where_runs_have_other_names(narrow, capsys):
    from cosmic_morphology.cli.tables import show_runs
    from cosmic_morphology.learn.run_folder.run_list import RunRow

    def told(recipe: str) -> str:
        known = dict.fromkeys(RunRow.__annotations__, "")
        row = RunRow(**{**known, "run": "lora", "recipe": recipe, "seconds": 1, "macro_f1": None})
        show_runs([row])
        return capsys.readouterr().out.splitlines()[0]

    assert "recipe" not in told("lora")
    assert "recipe" in told("finetune")


def test_without_rows_nothing_is_printed(capsys):
    assert shown(capsys, [], 80, title="Nothing") == []


def test_texts_from_outside_cannot_steer_the_terminal(narrow, capsys):
    lines = shown(capsys, [("\x1b[31m[red]x", "b", "c", "0.5", "1", "2")], 80)
    assert "\x1b" not in "".join(lines)
    assert "[red]x" in lines[2]


@given(
    rows=st.lists(st.tuples(*[st.integers(0, 90)] * 6), min_size=1, max_size=4),
    width=st.integers(40, 120),
    whole=st.booleans(),
)
def test_no_line_is_wider_than_the_screen_and_no_name_is_lost(rows, width, whole):
    written = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(written):
        patch.setenv("COLUMNS", str(width))
        cells = [[letter * n for letter, n in zip("abcdef", row, strict=True)] for row in rows]
        show_table(HEADINGS, cells, wide=WIDE, whole=whole)
    lines = written.getvalue().splitlines()
    assert all(len(line) <= width for line in lines)
    body = "".join(lines).replace("macro-F1", "").replace("backbone", "").replace("recipe", "")
    assert body.count("a") == sum(row[0] for row in rows)


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def lines_of(capsys, steps):
    """The lines of a job that reports ``(seconds, done, total)``."""
    clock = Clock()
    report = printing._SparseLines("copying", clock)
    for seconds, done, total in steps:
        clock.now = seconds
        report.show(done, total)
    return capsys.readouterr().err.splitlines()


def test_what_is_short_says_nothing_in_a_pipe(capsys):
    assert lines_of(capsys, [(n / 10, n, 90) for n in range(90)]) == []


def test_what_is_long_says_a_line_at_each_tenth_at_most(capsys):
    said = lines_of(capsys, [(n, n, 1000) for n in range(1001)])
    assert len(said) == 10
    assert said[0] == "copying: 100 of 1,000 (10 %)"
    assert said[-1] == "copying: 1,000 of 1,000 (100 %)"


def test_where_the_end_is_not_known_the_count_is_said(capsys):
    said = lines_of(capsys, [(n, n, 0) for n in range(25)])
    assert said == ["copying: 10", "copying: 20"]


def test_in_a_pipe_no_bar_is_drawn(capsys):
    with printing.progress("copying") as report:
        report(1, 10)
    assert capsys.readouterr().err == ""


LONG = "a-class-with-a-name-as-long-as-a-whole-sentence-of-words"


def ends_with_a_sentence_and_the_next_command(told: str) -> list[str]:
    lines = told.splitlines()
    assert lines[-1].startswith("Next: cosmic ")
    assert any(line.endswith(".") for line in lines)
    return lines


def test_a_split_is_a_table_a_sentence_and_the_next_command(narrow, capsys):
    from cosmic_morphology.cli.stage_tables import show_split
    from cosmic_morphology.curate import LeakageResult, SplitResult

    summary = SplitResult(
        images={"train": 1234, "val": 20, "test": 30, "none": 5},
        classes={LONG: {"train": 1200, "val": 10, "test": 20}, "star": {"train": 34, "test": 10}},
        groups=400,
        left_out={"no group": 5},
        folds={0: 620, 1: 634},
    )
    report = LeakageResult(
        leaks=0, leaks_by_kind={}, found=(), images={}, groups={}, classes={}, ratios={},
        compared=98765, allowed_across_splits={}, searched=("every pair by hash",),
        not_looked_for=("crops",), left_out={}, grouped_by="groups", atlas_version="i1-c1-d1-l1",
    )  # fmt: skip
    show_split(summary, report, tied=3)
    lines = ends_with_a_sentence_and_the_next_command(capsys.readouterr().out)
    assert lines[0].split() == ["class", "train", "val", "test"]
    assert lines[2].split()[-3:] == ["1,200", "10", "20"]
    assert any(line.split() == ["all", "1,234", "20", "30"] for line in lines)
    assert any(line.split() == ["star", "34", "0", "10"] for line in lines)
    text = "\n".join(lines)
    assert "1,284 images in 400 groups" in text
    assert "98,765 pairs were compared across the splits and 0 leaks found" in text
    for part in ("compared: every pair", "not compared: crops", "left out: 5 images (no group)"):
        assert part in text
    assert "3 copies" in text
    assert "0: 620, 1: 634" in text


def test_curating_is_a_table_a_sentence_and_the_next_command(narrow, capsys):
    from cosmic_morphology.cli.stage_tables import show_curated
    from cosmic_morphology.curate import (
        CheckResult,
        CurateResult,
        DuplicateResult,
        GroupResult,
        LabelResult,
        VoteResult,
    )
    from cosmic_morphology.pipeline.embedding import EmbeddedFirst
    from cosmic_morphology.report.curation_page import ClassCount, CurationPage

    counts = {"checked": 3, "rendered": 0, "volunteers": 0, "computed": 1997, "none": 0}
    flags = {"mislabel": 12, "relevance": 0, "duplicate": 45}
    nobody = dict.fromkeys(counts, 0)
    classes = (
        ClassCount(LONG, 2000, counts, flags),
        *(ClassCount(f"empty {n}", 0, nobody, dict.fromkeys(flags, 0)) for n in range(9)),
    )
    page = CurationPage("out/" + "x" * 90 + ".html", classes)
    nothing = CheckResult(looked=0, flagged=0, changed=False)
    done = CurateResult(
        duplicates=DuplicateResult(duplicates=45),
        votes=VoteResult(filled=0, already_there=2000),
        groups=GroupResult(groups=1900),
        labels=LabelResult(abstained=0, unknown_classes={"quasar": 2}),
        relevance=nothing,
        mislabels=nothing,
    )
    show_curated(done, EmbeddedFirst(without="the weights are not here"), page)
    lines = ends_with_a_sentence_and_the_next_command(capsys.readouterr().out)
    assert lines[2] == LONG
    assert lines[3].split()[-7:] == ["2,000", "3", "0", "1,997", "12", "0", "45"]
    assert all(len(line) <= 80 for line in lines[:4])
    text = "\n".join(lines)
    assert "2,000 images: 2,000 have a label and 0 are left open; 45 are copies" in text
    assert "no embeddings: the weights are not here" in text
    assert "2 verdicts name 'quasar'" in text
    assert page.page in text
    # A decision tree has many answers that nobody gave: they are counted, not listed.
    assert "9 of 10 classes have no image: empty 0, empty 1" in text
    assert not any(line.startswith("empty") for line in lines)


def test_embedding_is_a_table_a_sentence_and_the_next_command(narrow, capsys):
    from cosmic_morphology.cli.stage_tables import show_embedded
    from cosmic_morphology.learn import EmbedResult

    show_embedded([EmbedResult("embedding_" + "x" * 60, 1500, 500, 2, "w" * 70)])
    lines = ends_with_a_sentence_and_the_next_command(capsys.readouterr().out)
    assert lines[2] == "embedding_" + "x" * 60
    assert [each for each in lines[3].split() if each[0].isdigit()] == ["1,500", "500", "2"]
    assert all(len(line) <= 80 for line in lines[:-2])
    assert "2,000 images have an embedding" in lines[-2]


def test_any_result_becomes_json():
    from cosmic_morphology.collect.harvest.items import FetchState
    from cosmic_morphology.io_utils import jsonable

    @dataclass(frozen=True, slots=True)
    class Result:
        path: Path
        states: dict[FetchState, int]
        classes: tuple[str, ...]
        score: object = None

    found = Result(Path("runs/a"), {FetchState.STORED: 3}, ("comet",), 2 + 1j)
    assert jsonable(found) == {
        "path": "runs/a",
        "states": {"stored": 3},
        "classes": ["comet"],
        "score": "2+1j",
    }
    assert jsonable({"bytes": b"\xff\x00"}) == {"bytes": "_wA="}
