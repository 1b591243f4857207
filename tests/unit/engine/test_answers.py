"""What comes back from workers: plain, checked, and harmless whoever sends it."""

from __future__ import annotations

import json
import os
import pickle
import signal
import struct
import sys
from pathlib import Path

import pyarrow as pa
import pytest
from engine_work import COLUMN, STAMP, OneProcess, check_whole, lengths_work, make_atlas
from lance.fragment import DataFile

from cosmic_morphology import errors, frames
from cosmic_morphology.atlas.storage.column_files import ColumnFile
from cosmic_morphology.collect.harvest.items import FetchFailedError, FetchState
from cosmic_morphology.engine import Call, apply, run_calls
from cosmic_morphology.engine.answers import read_answer, write_answer
from cosmic_morphology.engine.executors import NO_ANSWER
from cosmic_morphology.engine.task import TaskResult
from cosmic_morphology.errors import EngineError, FetchError, ImageError, UsageError

SHA256 = "a" * 64
ONE = pa.schema([("n", pa.int64())])


def sent(done: object) -> object:
    said, data = write_answer(done)
    return read_answer(json.loads(json.dumps(said)), data)


@pytest.mark.parametrize("rows", [0, 3])
def test_results_arrive_as_they_were(rows):
    values = pa.table({COLUMN: [[1.0, 2.0]] * rows, "_rowaddr": pa.array(range(rows), pa.uint64())})
    of_lance = DataFile("a0_-.lance", [3, 4], [0, 1], 2, 1, 77)
    for done in (
        TaskResult(rows, 1, values=values),
        TaskResult(rows, 0, file=ColumnFile(7, of_lance, SHA256)),
        TaskResult(0, 0, is_gone=True),
    ):
        assert sent(done) == done
    assert sent(values).equals(values)


@pytest.mark.parametrize("kind", errors.KINDS.values())
def test_every_error_of_ours_arrives_as_it_was(kind):
    first = ("blank",) if issubclass(kind, ImageError) else ()
    error = kind(*first, "it is so", where="a.jpg", todo="Do it.")
    back = sent(error)
    assert (type(back), str(back), vars(back)) == (type(error), str(error), vars(error))


def test_an_error_that_a_driver_does_not_know_arrives_as_the_nearest_that_it_does():
    class PluginError(UsageError):
        """Of a plug-in."""

    for error, kind, text in (
        (PluginError("it", where="x"), UsageError, "x: it"),
        (FetchFailedError(FetchState.GONE, "http_404", "gone", where="x"), FetchError, "x: gone"),
        (ZeroDivisionError("by 0"), ZeroDivisionError, "by 0"),
        (KeyError("name"), KeyError, "'name'"),
        (pa.ArrowInvalid("bad"), ValueError, "ArrowInvalid: bad"),
        (UnicodeDecodeError("utf-8", b"a", 0, 1, "why"), ValueError, "UnicodeDecodeError: 'utf-8'"),
        (StopIteration(), RuntimeError, "StopIteration: "),
        (FileNotFoundError(2, "No such file", "a"), FileNotFoundError, "No such file"),
    ):
        back = sent(error)
        assert type(back) is kind
        assert text in str(back)
    with pytest.raises(ZeroDivisionError) as fault:
        harm("pickle", Path(str(1 // 0)))
    assert "test_answers.py" in sent(fault.value).__notes__[0], "a fault says where it is"


def bad_columns() -> bytes:
    """A stream whose offsets lead out of the column."""
    good = bytearray(write_answer(pa.table({"a": ["text", "more", "last"]}))[1])
    at = bytes(good).index(struct.pack("<4i", 0, 4, 8, 12))
    good[at : at + 16] = struct.pack("<4i", 0, 2**30, 2**30, 2**30)
    return bytes(good)


FILE = {
    "fragment": 0, "path": "a.lance", "fields": [1], "column_indices": [0],
    "file_major_version": 2, "file_minor_version": 1, "file_size_bytes": 5, "sha256": SHA256,
}  # fmt: skip
TASK = {"filled": 1, "counted": 0, "is_gone": False}


@pytest.mark.parametrize(
    ("said", "data"),
    [
        (None, b""),
        ([], b""),
        ({}, b""),
        ({"table": True}, b""),
        ({"table": True}, b"garbage"),
        ({"table": True}, bad_columns()),
        ({"table": True}, write_answer(pa.table({"a": [1]}))[1][:-9]),
        ({"table": "yes"}, b""),
        ({"error": {"kind": "SystemExit", "what": "0"}}, b""),
        ({"error": {"kind": "os.system", "what": "id"}}, b""),
        ({"error": {"kind": "EngineError"}}, b""),
        ({"error": {"kind": "EngineError", "what": ["a"]}}, b""),
        ({"task": {"filled": -1, "counted": 0, "is_gone": False, "file": None}}, b""),
        ({"task": TASK | {"file": FILE | {"path": "../../etc/passwd"}}}, b""),
        ({"task": TASK | {"file": FILE | {"path": "/a.lance"}}}, b""),
        ({"task": TASK | {"file": FILE | {"base_id": 3}}}, b""),
        ({"task": TASK | {"file": FILE | {"sha256": "none"}}}, b""),
        ({"task": TASK | {"file": FILE, "more": 1}}, b""),
    ],
)
def test_what_is_no_answer_is_one_error(said, data):
    with pytest.raises(ValueError):  # noqa: PT011 - the driver tells it in its own words
        read_answer(said, data)


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return Path.touch, (self.place,)


def harm(how: str, place: Path) -> bytes:
    bomb = pickle.dumps(Bomb(place))
    head = struct.Struct(">4sIQ")
    stream = write_answer(pa.table({"n": ["a text for a number"]}))[1]
    return {
        "pickle as before": struct.pack(">Q", len(bomb)) + bomb,
        "pickle as text": head.pack(b"CMf1", len(bomb), 0) + bomb,
        "pickle as columns": head.pack(b"CMf1", 15, len(bomb)) + b'{"table": true}' + bomb,
        "garbage": os.urandom(64),
        "too long": head.pack(b"CMf1", 2, 2**63) + b"{}",
        "truncated": head.pack(b"CMf1", 15, 2**33) + b'{"table": true} and no more',
        "other columns": head.pack(b"CMf1", 15, len(stream)) + b'{"table": true}' + stream,
        "other answer": head.pack(b"CMf1", 2, 0) + b"{}",
        "a result": head.pack(b"CMf1", 69, 0)
        + b'{"task": {"filled": 1, "counted": 0, "is_gone": false, "file": null}}',
    }[how]


HARMS = ("pickle as before", "pickle as text", "pickle as columns", "garbage", "too long",
         "truncated", "other columns", "other answer", "a result")  # fmt: skip


@pytest.mark.parametrize("how", HARMS)
def test_workers_that_were_steered_run_nothing_here_and_end_it_in_one_line(
    tmp_path, monkeypatch, how
):
    (tmp_path / "harm").write_bytes(harm(how, tmp_path / "went-off"))
    monkeypatch.setenv("STEERED_BY", str(tmp_path / "harm"))
    code = "import steered_worker; steered_worker.main()"
    for name in ("_PLAIN", "_LIGHT"):
        monkeypatch.setattr(f"cosmic_morphology.engine.processes.{name}", code)
    why = "ended with the code 0" if how == "truncated" else NO_ANSWER
    with pytest.raises(EngineError) as ended:
        list(run_calls(OneProcess(), "test", [Call(len, ("",), ONE)]))
    said = f"test, part 0: 3 workers died over the same work: the last one {why}. Give workers"
    assert str(ended.value).startswith(said)
    assert "\n" not in str(ended.value)
    assert not (tmp_path / "went-off").exists()


def steered(folder: str) -> pa.Table:
    """What code does that a picture has brought into a worker: it writes to the driver itself."""
    mark = Path(folder) / "mark"
    if not mark.exists():
        mark.touch()
        # The worker's own way to the driver; its standard output leads elsewhere.
        numbers = sorted(int(each.name) for each in Path("/proc/self/fd").iterdir())
        out = next(n for n in numbers if n > 2 and is_pipe_for_writing(n))
        os.write(out, harm("truncated", Path(folder) / "went-off"))
        os.kill(os.getpid(), signal.SIGKILL)
    return pa.table([[7]], schema=ONE)


def is_pipe_for_writing(number: int) -> bool:
    place = Path(f"/proc/self/fd/{number}")
    if not place.is_symlink() or "pipe" not in str(place.readlink()):
        return False
    flags = Path(f"/proc/self/fdinfo/{number}").read_text().split("flags:")[1].split()[0]
    return int(flags, 8) & os.O_ACCMODE == os.O_WRONLY


@pytest.mark.skipif(sys.platform != "linux", reason="finds its pipe in /proc")
def test_a_worker_that_is_killed_in_the_middle_of_an_answer_is_a_lost_worker(tmp_path):
    from test_answers import steered as travels

    (found,) = run_calls(OneProcess(), "test", [Call(travels, (str(tmp_path),), ONE)])
    assert found.to_pylist() == [{"n": 7}]
    assert (tmp_path / "mark").exists()


def test_a_result_of_another_task_is_none(tmp_path, monkeypatch):
    sky = make_atlas(tmp_path / "sky", 1, 20)
    real, lies = read_answer, []

    def lying(said, data):
        done = real(said, data)
        if len(lies) < 3:
            lies.append(done)
            names = ["sha256", "_rowaddr"] if len(lies) == 1 else done.values.schema.names
            values = done.values.rename_columns(names)
            more = 1 if len(lies) == 2 else 0
            file = ColumnFile(99, DataFile("a.lance", [1]), SHA256) if len(lies) == 3 else None
            return TaskResult(done.filled + more, 0, file=file, values=values)
        return done

    monkeypatch.setattr("cosmic_morphology.engine.processes.read_answer", lying)
    work = lengths_work(tmp_path / "log", task_rows=20)
    done = apply(sky, work, stamp=STAMP, engine=OneProcess())
    assert (done.filled, done.lost_workers) == (20, 3)
    check_whole(sky, 20)


def too_large() -> pa.Table:
    """A result that no frame holds, by a limit that only this worker has."""
    frames._MOST_BYTES = 100
    return pa.table([list(range(1000))], schema=ONE)


def test_an_answer_that_no_frame_holds_is_one_error():
    from test_answers import too_large as travels

    with pytest.raises(ValueError, match="bytes is too large"):
        list(run_calls(OneProcess(), "test", [Call(travels, (), ONE)]))
