"""Two processes write the same at the same moment: each key once, nothing that was said lost."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from cosmic_morphology.atlas import TABLES, Atlas, verify_atlas
from cosmic_morphology.atlas.schema import KEYS

pytest.importorskip("moto", reason="the S3 server of the tests is not installed")

from s3_tools import s3_server

IMAGES = 8
WRITER = textwrap.dedent("""
    import json
    import sys
    from datetime import UTC, datetime

    sys.path.insert(0, sys.argv[1])
    from drawn_images import DrawnIntake, draw_jpeg, make_arrival

    from cosmic_morphology.atlas import Atlas, NewImage, Record
    from cosmic_morphology.atlas.storage import commit

    place, options, name, images = sys.argv[2], json.loads(sys.argv[3]), *sys.argv[4:]
    atlas = Atlas.open(place, storage_options=options)
    at = datetime(2026, 1, 1, tzinfo=UTC)
    print("ready", flush=True)
    for line in sys.stdin:
        n = int(line)
        numbers = [n * int(images) + each for each in range(int(images))]
        same = [make_arrival(each, queries=(f"nasa:{name}",)) for each in numbers]
        other = make_arrival(ord(name))
        said = Record("nasa", f"other-{n}", title=other.intake.sha256)
        print("drawn", flush=True)
        sys.stdin.readline()
        new = atlas.add([*same, NewImage(said, other.intake, other.data)])
        atlas.upsert_ledger([{"url": f"http://x/{each}", "state": "stored"} for each in numbers])
        atlas.upsert_records([Record("nasa", "both", queries=(f"nasa:{name}{n}",))])
        verdict = {"id": "nasa:both", "verdict": "keep", "who": "ann", "at": at, "why": str(n)}
        new += atlas.append_decisions([verdict])
        print(new, flush=True)
""")


@contextmanager
def writers(place: str, options: dict[str, str] | None) -> Iterator[Sequence[subprocess.Popen]]:
    tools = str(Path(__file__).parents[1] / "tools")
    with ExitStack() as ends:
        made = []
        for name in "ab":
            words = [tools, place, json.dumps(options), name, str(IMAGES)]
            made.append(
                ends.enter_context(
                    subprocess.Popen(
                        [sys.executable, "-c", WRITER, *words],
                        stdin=subprocess.PIPE,
                        stdout=subprocess.PIPE,
                        stderr=subprocess.PIPE,
                        text=True,
                        bufsize=1,
                    )
                )
            )
        yield made
        for each in made:
            each.stdin.close()
            assert "stamina" not in each.stderr.read()  # to be overtaken is nothing to tell


def at_once(place: str, options: dict[str, str] | None, rounds: int) -> Atlas:
    """Rounds in which two processes write the same rows; what they say was new adds up."""
    atlas = Atlas.create(place, storage_options=options)
    with writers(place, options) as both:
        for each in both:
            assert each.stdout.readline() == "ready\n"
        for n in range(rounds):
            for each in both:
                each.stdin.write(f"{n}\n")
            for each in both:
                assert each.stdout.readline() == "drawn\n"
            for each in both:
                each.stdin.write("go\n")
            new = [int(each.stdout.readline()) for each in both]
            assert sum(new) == IMAGES + 2
    return atlas


def check(atlas: Atlas, rounds: int) -> None:
    numbers = [f"nasa:x{n:03d}" for n in range(rounds * IMAGES)]
    others = [f"nasa:other-{n}" for n in range(rounds)]
    found = {name: atlas.read([KEYS[name]], table=name).column(0).to_pylist() for name in TABLES}
    assert sorted(found["images"]) == sorted([*numbers, *others])
    assert sorted(found["catalogue"]) == sorted([*numbers, *others, "nasa:both"])
    assert sorted(found["ledger"]) == sorted(f"http://x/{n}" for n in range(rounds * IMAGES))
    assert len(found["decisions"]) == rounds
    said = {row["id"]: row for row in atlas.read(["id", "title", "queries"]).to_pylist()}
    assert {tuple(said[each]["queries"]) for each in numbers} == {("nasa:a", "nasa:b")}
    both = sorted(f"nasa:{name}{n}" for name in "ab" for n in range(rounds))
    assert said["nasa:both"]["queries"] == both
    sha256 = atlas.sha256_of(others)
    # What was said of one image stands on no other's bytes.
    assert {each: said[each]["title"] for each in others} == sha256
    result = verify_atlas(atlas)
    assert {each.kind for each in result.problems} == {"record_without_image"}
    assert result.not_checked == ()


def test_two_writers_on_a_disk_leave_each_row_once(tmp_path):
    check(at_once(str(tmp_path / "atlas"), None, 3), 3)


def test_two_writers_on_an_object_store_leave_each_row_once():
    with s3_server() as (_, options):
        check(at_once("s3://sky/two", options, 2), 2)


def test_two_processes_that_create_one_atlas_in_an_object_store_make_one():
    script = textwrap.dedent("""
        import json
        import sys

        from cosmic_morphology.atlas import Atlas

        print("ready", flush=True)
        for line in sys.stdin:
            Atlas.create(line.strip(), storage_options=json.loads(sys.argv[1])).set_note("it", "x")
            print("made", flush=True)
    """)
    with s3_server() as (_, options), ExitStack() as ends:
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
        words = [sys.executable, "-c", script, json.dumps(options)]
        both = [ends.enter_context(subprocess.Popen(words, **pipes)) for _ in range(2)]
        for each in both:
            assert each.stdout.readline() == "ready\n"
        for n in range(3):
            for each in both:
                each.stdin.write(f"s3://sky/made-{n}\n")
            assert [each.stdout.readline() for each in both] == ["made\n"] * 2
            result = verify_atlas(f"s3://sky/made-{n}", storage_options=options)
            assert (result.problems, result.not_checked) == ((), ())


@pytest.mark.long
def test_fifty_rounds_of_two_writers_lose_and_double_nothing(tmp_path):
    check(at_once(str(tmp_path / "atlas"), None, 50), 50)
    with s3_server() as (_, options):
        check(at_once("s3://sky/fifty", options, 50), 50)
