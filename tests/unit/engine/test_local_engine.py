"""Column work on this machine: in this process, and in processes of its own that may die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pyarrow as pa
import pytest
from engine_work import (
    COLUMN,
    FIELD,
    STAMP,
    OneProcess,
    check_whole,
    done_by,
    fill,
    lengths_function,
    lengths_work,
    make_atlas,
    processes,
)

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Record, verify_atlas
from cosmic_morphology.atlas.maintenance import clean_up, compact_tables
from cosmic_morphology.atlas.storage.column_files import commit_column_files, write_column_file
from cosmic_morphology.atlas.storage.commit import delete
from cosmic_morphology.engine import Engine, apply, gather, handout
from cosmic_morphology.engine.plan import plan
from cosmic_morphology.errors import EngineError
from cosmic_morphology.settings import LocalSettings

TWO = Engine(local=LocalSettings(processes=2))


@pytest.fixture
def sky(tmp_path) -> Atlas:
    return make_atlas(tmp_path / "sky", 3, 20)


def test_few_rows_are_done_in_this_process_and_only_once(sky, tmp_path):
    work = lengths_work(tmp_path / "log", worth=61)
    done = apply(sky, work, stamp=STAMP, engine=TWO)
    assert (done.filled, done.already_there, done.counted) == (60, 0, 30)
    assert processes(tmp_path / "log") == {f"did-{os.getpid()}"}
    check_whole(sky, 60)
    again = apply(sky, work, stamp=STAMP, engine=TWO)
    assert (again.filled, again.already_there) == (0, 60)
    assert set(done_by(tmp_path / "log").values()) == {1}


def test_two_processes_share_one_fragment_and_each_makes_its_function_once(sky, tmp_path):
    compact_tables(sky)
    assert len(sky.table("images").get_fragments()) == 1
    seen = []
    work = lengths_work(tmp_path / "log", pause_s=0.05)
    done = apply(
        sky, work, stamp=STAMP, engine=TWO, checkpoint_rows=16,
        progress=lambda *now: seen.append(now),
    )  # fmt: skip
    assert (done.filled, done.counted, done.lost_workers) == (60, 30, 0)
    check_whole(sky, 60)
    assert set(done_by(tmp_path / "log").values()) == {1}
    assert f"did-{os.getpid()}" not in processes(tmp_path / "log")
    made = [file.name.split("-")[1] for file in (tmp_path / "log").glob("made-*")]
    assert len(made) == len(set(made)) <= 2
    assert seen[-1] == (60, 60)
    assert [now for now, _ in seen] == sorted(now for now, _ in seen)
    assert verify_atlas(sky).is_sound


def test_a_fragment_that_is_not_whole_waits_for_its_rest(sky, tmp_path, monkeypatch):
    written = []

    def counted(table, fragment, rows):
        written.append(fragment)
        return write_column_file(table, fragment, rows)

    monkeypatch.setattr(sys.modules[apply.__module__], "write_column_file", counted)
    sky.prepare_columns([FIELD], STAMP)
    # A commit is due in the middle of each fragment; of one that is not whole, none is made.
    work = lengths_work(tmp_path / "log", task_rows=5)
    apply(sky, work, stamp=STAMP, engine=OneProcess(), checkpoint_rows=25)
    assert sorted(written) == [0, 1, 2]
    check_whole(sky, 60)
    # One that has enough for several commits is not held back: a kill would cost all of it.
    compact_tables(sky)
    written.clear()
    again = ColumnProvenance("lengths", {"v": 2})
    apply(sky, work, stamp=again, engine=OneProcess(), checkpoint_rows=25)
    assert len(written) == 3
    check_whole(sky, 60)


def test_rows_that_are_gathered_come_back_once_and_nothing_is_written(sky, tmp_path, caplog):
    apply(sky, lengths_work(tmp_path / "log"), stamp=STAMP, where="id < 'made:000030'")
    before = sky.version
    # One task kills its worker twice; another finds no memory the first time.
    work = lengths_work(tmp_path / "again", task_rows=20, trap="large task")
    parts = list(gather(sky, work, table="images", engine=OneProcess()))
    assert caplog.text.count("is cut in two") == 2
    lengths = [each[0] for each in pa.concat_tables(parts).column(COLUMN).to_pylist()]
    assert sorted(lengths) == list(range(1, 61))
    assert (sky.version, sky.count_filled(COLUMN)) == (before, 30)
    assert list(gather(Atlas.create(tmp_path / "empty"), work)) == []


def test_with_many_fragments_each_is_one_task_whose_file_the_worker_writes(tmp_path):
    sky = make_atlas(tmp_path / "sky", 8, 6)
    sky.prepare_columns([FIELD], STAMP)
    work = lengths_work(tmp_path / "log", task_rows=2)
    to_do = plan(sky, COLUMN)
    tasks = list(to_do.tasks(sky, "images", work, b"", slots=1))
    assert [task.rows for task in tasks] == [6] * 8
    assert all(task.writes_file for task in tasks)
    shared = list(to_do.tasks(sky, "images", work, b"", slots=3))
    assert [task.rows for task in shared] == [2] * 24
    before = sky.version.images
    apply(sky, work, stamp=STAMP, engine=Engine(local=LocalSettings(processes=1)))
    check_whole(sky, 48)
    # All files in one commit: it costs the same, however large they are.
    assert sky.version.images == before + 1
    assert verify_atlas(sky).is_sound


def test_new_rows_in_a_fragment_that_is_partly_filled_are_all_that_is_computed(sky, tmp_path):
    work = lengths_work(tmp_path / "log")
    apply(sky, work, stamp=STAMP)
    more = make_atlas(sky.uri, 4, 20)  # 60 of the 80 are there
    compact_tables(more)
    assert len(more.table("images").get_fragments()) == 1
    done = apply(more, work, stamp=STAMP)
    assert (done.filled, done.already_there) == (20, 60)
    check_whole(more, 80)
    assert set(done_by(tmp_path / "log").values()) == {1}


def test_a_lost_worker_costs_its_task_and_one_that_takes_too_much_memory_is_halved(
    sky, tmp_path, caplog
):
    # One task kills its worker twice; another finds no memory the first time.
    work = lengths_work(tmp_path / "log", task_rows=20, trap="large task")
    done = apply(sky, work, stamp=STAMP, engine=OneProcess())
    assert done.filled == 60
    assert (done.lost_workers, done.halved) == (2, 2)
    assert caplog.text.count("is cut in two") == 2
    assert "SIGKILL" in caplog.text
    assert "lacked memory" in caplog.text
    check_whole(sky, 60)
    times = done_by(tmp_path / "log")
    assert all(times[f"made:{n:06d}"] == 1 for n in range(40, 60))


def test_rows_that_kill_every_worker_end_it_in_one_line_and_the_rest_stays(
    sky, tmp_path, monkeypatch
):
    monkeypatch.setattr(handout, "_MOST_DEATHS", 2)
    work = lengths_work(tmp_path / "log", task_rows=10, trap="deadly")
    with pytest.raises(EngineError, match=r"2 workers died over the same 10 rows.*SIGKILL"):
        apply(sky, work, stamp=STAMP, engine=OneProcess())
    there = sky.count_filled(COLUMN)
    assert there > 0
    done = apply(sky, lengths_work(tmp_path / "log"), stamp=STAMP)
    assert (done.filled, done.already_there) == (60 - there, there)
    check_whole(sky, 60)


def test_a_fault_of_the_function_reaches_the_driver_as_it_is(sky, tmp_path):
    work = lengths_work(tmp_path / "log", trap="fault")
    with pytest.raises(ZeroDivisionError, match="a fault of the function"):
        apply(sky, work, stamp=STAMP, engine=OneProcess())


def test_rows_come_and_other_columns_are_filled_in_the_same_fragments_meanwhile(sky, tmp_path):
    lengths = lengths_function(str(tmp_path), 0, "")
    beside = Atlas.open(sky.uri)
    calls = []

    def disturbed(batch):
        calls.append(batch.num_rows)
        if len(calls) == 2:
            make_atlas(beside.uri, 4, 20)
            beside.fill_columns(batch.select(["id"]).append_column("zero_shot", [[7] * 4]))
        if len(calls) == 4:
            compact_tables(beside)
        return lengths(batch)

    beside.prepare_columns([pa.field("zero_shot", pa.int64())], ColumnProvenance("other"))
    done = fill(
        sky, disturbed, reads=["thumbnail"], writes=[FIELD], stamp=STAMP,
        batch_size=4, task_rows=4, checkpoint_rows=40,
    )  # fmt: skip
    # What stood in a fragment that was compacted away was done again, in a second pass.
    assert done.filled == 80
    assert sum(calls) > 80
    check_whole(sky, 80)
    assert sky.count_filled("zero_shot") == 4


DRIVER = """
import sys
from pathlib import Path
from engine_work import STAMP, lengths_work
from cosmic_morphology.atlas import Atlas
from cosmic_morphology.engine import Engine, apply, gather, handout
from cosmic_morphology.settings import LocalSettings
work = lengths_work(Path(sys.argv[2]), task_rows=4, pause_s=0.05)
apply(Atlas.open(sys.argv[1]), work, stamp=STAMP, checkpoint_rows=8,
      engine=Engine(local=LocalSettings(processes=2)))
"""


@pytest.mark.parametrize("after_rows", [8, pytest.param(40, marks=pytest.mark.long)])
def test_a_killed_driver_goes_on_where_it_stopped(sky, tmp_path, after_rows):
    log = tmp_path / "log"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    driver = subprocess.Popen([sys.executable, "-c", DRIVER, sky.uri, str(log)], env=env)
    while COLUMN not in sky.columns() or sky.count_filled(COLUMN) < after_rows:
        assert driver.poll() is None
        time.sleep(0.02)
    driver.send_signal(signal.SIGKILL)
    driver.wait()
    there = sky.count_filled(COLUMN)
    assert after_rows <= there < 60
    done = apply(sky, lengths_work(log, task_rows=4), stamp=STAMP)
    assert (done.filled, done.already_there) == (60 - there, there)
    check_whole(sky, 60)
    # At most what was on its way: two tasks in each process, and what waited for the next commit.
    assert sum(n - 1 for n in done_by(log).values()) <= 4 * 4 + 8


def test_a_script_needs_no_guard_and_its_own_function_runs_in_its_process(sky, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        "import sys, os\n"
        "from engine_work import *\n"
        "from cosmic_morphology.engine import Engine\n"
        "from cosmic_morphology.settings import LocalSettings\n"
        "def make():\n"
        "    return lengths_function(sys.argv[2], 0, '')\n"
        "work = ColumnWork('mine', make, ('thumbnail',), (FIELD,), worth_processes=0)\n"
        "engine = Engine(local=LocalSettings(processes=2))\n"
        "done = apply(Atlas.open(sys.argv[1]), work, stamp=STAMP, engine=engine)\n"
        "print(done.filled, os.getpid())\n"
    )
    (tmp_path / "log").mkdir()
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    said = subprocess.run(
        [sys.executable, script, sky.uri, str(tmp_path / "log")],
        check=True, capture_output=True, text=True, env=env,
    ).stdout.split()  # fmt: skip
    assert said[0] == "60"
    assert processes(tmp_path / "log") == {f"did-{said[1]}"}


def test_columns_of_both_tables_are_read_and_a_heavy_one_only_where_it_is_needed(sky, tmp_path):
    apply(sky, lengths_work(tmp_path / "log"), stamp=STAMP, where="id < 'made:000030'")
    assert sky.count_filled(COLUMN) == 30
    sky.upsert_records([Record("nowhere", "1", title="a record without an image")])
    given = []

    def guess(batch: pa.Table) -> pa.Table:
        given.extend(batch.to_pylist())
        return pa.table({"prediction_x": ["odd"] * batch.num_rows})

    said = {
        "reads": ["title", "thumbnail", COLUMN, "embedding_of_nobody"],
        "writes": [pa.field("prediction_x", pa.string())],
        "stamp": ColumnProvenance("guess"),
        "instead": {"thumbnail": COLUMN},
        "batch_size": 7,
    }
    done = fill(sky, guess, where="id >= 'made:000010'", **said)
    assert (done.filled, done.already_there) == (50, 0)
    for row in given:
        number = int(row["id"].partition(":")[2])
        known = number < 30
        assert row["title"] == f"image {number}"
        assert (row[COLUMN] is not None, row["thumbnail"] is None) == (known, known)
        assert known or len(row["thumbnail"]) == number + 1
        assert row["embedding_of_nobody"] is None
    again = fill(sky, guess, **said)
    assert (again.filled, again.already_there, len(given)) == (10, 50, 60)
    # A record without an image has nothing to be judged by.
    nobody = sky.read(["prediction_x"], where="source = 'nowhere'").to_pylist()
    assert nobody == [{"prediction_x": None}]


def test_a_written_file_outlives_a_cleanup_and_is_committed_on_what_is_there_then(sky):
    sky.prepare_columns([FIELD, pa.field("zero_shot", pa.int64())], STAMP)
    table = sky.table("images")
    (first, second, third) = plan(sky, COLUMN).addresses.items()

    def written(at, name, values):
        fragment, addresses = at
        rows = pa.table({"_rowaddr": addresses[:5], name: values})
        return write_column_file(table, fragment, rows)

    five = pa.array([[1.0, 2.0]] * 5, FIELD.type)
    files = [written(each, COLUMN, five) for each in (first, second, third)]
    beside = Atlas.open(sky.uri)
    gone = beside.read(["id"], table="images").column("id").to_pylist()[0]
    clean_up(beside, older_than=timedelta(0))
    # The same fragment gets another column, and loses a row.
    commit_column_files(beside.table("images"), [written(first, "zero_shot", [7] * 5)])
    delete(beside.table("images"), f"id = '{gone}'")
    assert commit_column_files(table, files) == []
    assert sky.count_filled(COLUMN) == 14
    assert sky.count_filled("zero_shot") == 4
    found = sky.read(["id", COLUMN], table="images").to_pylist()
    assert len(found) == 59
    assert {tuple(row[COLUMN]) for row in found if row[COLUMN]} == {(1.0, 2.0)}


def test_a_small_table_gets_a_column_with_its_values_in_one_commit(sky, tmp_path):
    before = sky.version.images
    lengths = lengths_function(str(tmp_path), 0, "")
    done = fill(sky, lengths, reads=["thumbnail"], writes=[FIELD], stamp=STAMP, task_rows=7)
    assert (done.filled, sky.version.images) == (60, before + 1)
    assert STAMP.is_current(sky.provenance_of(COLUMN))
    check_whole(sky, 60)
