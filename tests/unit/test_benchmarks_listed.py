"""``make bench`` measures every number again: each benchmark is in its list."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
RUNS = runpy.run_path(str(BENCHMARKS / "all.py"))["RUNS"]
PROGRAM = 'if __name__ == "__main__":'


def programs() -> list[str]:
    """Scripts that give rows when they are run."""
    texts = {file.name: file.read_text("utf-8") for file in sorted(BENCHMARKS.glob("*.py"))}
    return [name for name, text in texts.items() if PROGRAM in text and "emit(" in text]


def test_every_benchmark_is_in_the_list():
    listed = {script for _, _, (script, *_) in RUNS}
    assert len(programs()) > 20
    assert set(programs()) - {"rows.py"} == listed


@pytest.mark.parametrize("topic", sorted(each.stem for each in BENCHMARKS.glob("results/*.csv")))
def test_a_topic_that_has_rows_can_be_measured_again(topic):
    assert topic in {topic for topic, _, _ in RUNS}


def test_what_is_listed_twice_is_made_for_another_topic():
    seen = [(topic, arguments) for topic, _, arguments in RUNS]
    assert len(seen) == len(set(seen))
