"""Calls of functions by an engine: imports and rendering."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pytest
from engine_work import OneProcess

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect.import_folder import import_folder
from cosmic_morphology.engine import Call, Engine, run_calls
from cosmic_morphology.errors import EngineError, UsageError
from cosmic_morphology.imaging import ImageLimits
from cosmic_morphology.settings import LocalSettings

HERE = Engine(local=LocalSettings(processes=1))
NUMBERS = pa.schema([("number", pa.int64()), ("pid", pa.int64())])


def number(n: int) -> pa.Table:
    """A number, and the process that says it."""
    return pa.table([[n], [os.getpid()]], schema=NUMBERS)


def numbers(results: Iterable[pa.Table]) -> list[int]:
    return [each.column("number").to_pylist()[0] for each in results]


def test_results_come_in_order_and_calls_are_taken_as_they_are_needed():
    taken = []

    def calls():
        for n in range(20):
            taken.append(n)
            yield Call(number, (n,), NUMBERS)

    results = run_calls(HERE, "test", calls())
    assert numbers([next(results)]) == [0]
    assert len(taken) <= 4
    assert numbers(results) == list(range(1, 20))


def test_no_calls_give_nothing():
    assert list(run_calls(HERE, "test", [])) == []


def die_once(mark: str, n: int) -> pa.Table:
    """Kill the process that calls it, unless one has died of it before."""
    if n == 2 and not Path(mark).exists():
        Path(mark).touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if n < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return number(n)


def test_a_call_whose_worker_dies_is_made_again_and_one_that_kills_all_ends_it(tmp_path):
    from test_calls import die_once as travels

    calls = [Call(travels, (str(tmp_path / "mark"), n), NUMBERS) for n in range(5)]
    found = list(run_calls(OneProcess(), "test", calls))
    assert numbers(found) == [0, 1, 2, 3, 4]
    assert os.getpid() not in pa.concat_tables(found).column("pid").to_pylist()
    with pytest.raises(EngineError, match=r"3 workers died over the same work.*SIGKILL"):
        list(run_calls(OneProcess(), "test", [Call(travels, ("", -1), NUMBERS)]))


def test_an_import_whose_images_are_decoded_elsewhere_is_the_same(tmp_path):
    from drawn_images import draw_jpeg

    folder = tmp_path / "mine"
    for number in range(40):
        place = folder / ("comet" if number % 2 else "star") / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(draw_jpeg(number) if number != 7 else b"no image at all")
    (folder / "star" / "again.jpg").write_bytes(draw_jpeg(0))
    atlases = {}
    for name, engine in (("here", None), ("elsewhere", OneProcess("ray"))):
        atlas = atlases[name] = Atlas.create(tmp_path / name)
        done = import_folder(atlas, folder, name="mine", limits=ImageLimits(), engine=engine)
        assert (done.stored, sum(done.refused.values())) == (40, 1)
        again = import_folder(atlas, folder, name="mine", engine=engine)
        assert (again.stored, again.already_there) == (0, 40)
    here, elsewhere = (
        each.read(table="images").sort_by("id").to_pylist() for each in atlases.values()
    )
    assert here == elsewhere
    states = [
        each.read(["url", "state", "error_kind"], table="ledger") for each in atlases.values()
    ]
    assert states[0].sort_by("url").to_pylist() == states[1].sort_by("url").to_pylist()


def test_rendering_elsewhere_gives_the_same_images(tmp_path):
    pytest.importorskip("galsim", reason="the render extra is not installed")
    from cosmic_morphology.synthesize.to_atlas import synthesize_into

    found = []
    for name, engine in (("here", HERE), ("elsewhere", OneProcess())):
        atlas = Atlas.create(tmp_path / name)
        done = synthesize_into(atlas, {"star": 9, "comet": 3}, seed=5, size_px=48, engine=engine)
        assert (done.added, done.classes) == (12, {"comet": 3, "star": 9})
        assert synthesize_into(atlas, {"star": 9}, seed=5, size_px=48, engine=engine).added == 0
        found.append(atlas.read(["id", "sha256"], table="images").sort_by("id").to_pylist())
    assert found[0] == found[1]
    with pytest.raises(UsageError):
        synthesize_into(atlas, {"star": 1}, seed=5, size_px=3)
