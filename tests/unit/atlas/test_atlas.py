from __future__ import annotations

import csv
import os
import signal
import subprocess
import sys
import textwrap
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import lance
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from engine_work import fill

from cosmic_morphology import errors
from cosmic_morphology.atlas import (
    TABLES,
    VOTE_TYPE,
    Atlas,
    ColumnProvenance,
    Record,
    checked_labels,
    credit_ledger,
    export_images,
    latest_decisions,
    verify_atlas,
    withdraw,
)
from cosmic_morphology.atlas.maintenance import compact_tables
from cosmic_morphology.atlas.query import stream, take
from cosmic_morphology.atlas.storage.faults import translate_errors

WIDTH = [pa.field("embedding_tiny", pa.list_(pa.float32(), 2))]


def lengths(batch: pa.Table) -> pa.Table:
    values = [[float(len(each)), 1.0] for each in batch.column("thumbnail").to_pylist()]
    return pa.table({"embedding_tiny": pa.array(values, WIDTH[0].type)})


def verdict(image: str, label: str, hour: int = 1) -> dict[str, object]:
    return {
        "id": image,
        "verdict": "label",
        "label": label,
        "who": "ada",
        "at": datetime(2026, 1, 1, hour, tzinfo=UTC),
        "why": "",
    }


def test_adding_twice_changes_nothing(filled, arrival):
    before = filled.read().to_pylist()
    assert filled.add([arrival(n, queries=("nasa:comet",)) for n in range(10)]) == 0
    assert filled.count() == 10
    after = filled.read().to_pylist()
    assert [row["id"] for row in sorted(after, key=lambda r: r["id"])] == [
        row["id"] for row in sorted(before, key=lambda r: r["id"])
    ]


def test_what_is_taken_back_is_gone_from_now_on_and_still_in_the_version_before(filled):
    filled.tag("before")
    filled.append_decisions([verdict("nasa:x005", "star")])
    expected = filled.images(["nasa:x007", "nasa:x001"], ["id", "sha256"]).to_pylist()
    withdraw(filled, {"nasa:x000", "nasa:x005"})
    withdraw(filled, {"nasa:x000", "nasa:x005"})
    assert filled.count() == 8
    assert filled.images(["nasa:x007", "nasa:x001"], ["id", "sha256"]).to_pylist() == expected
    assert "nasa:x005" in filled.read(["id"]).column("id").to_pylist()  # somebody judged it
    assert verify_atlas(filled).is_sound
    assert Atlas.open(filled.uri, version="before").count() == 10


def test_two_writers_of_one_ledger_leave_every_url_once(filled):
    script = textwrap.dedent("""
        import sys
        from cosmic_morphology.atlas import Atlas
        atlas = Atlas.open(sys.argv[1])
        for n in range(8):
            urls = [f"http://x/{each}" for each in range(n, n + 4)]
            atlas.upsert_ledger([{"url": url, "state": sys.argv[2]} for url in urls])
    """)
    two = [subprocess.Popen([sys.executable, "-c", script, filled.uri, name]) for name in "ab"]
    assert [each.wait(1800) for each in two] == [0, 0]
    urls = filled.read(["url"], table="ledger").column("url").to_pylist()
    assert sorted(urls) == sorted(f"http://x/{each}" for each in range(11))


def test_a_record_found_by_two_searches_is_one_row_with_both(filled, arrival):
    filled.add([arrival(3, queries=("nasa:asteroid",))])
    found = filled.read(["queries"], where="id = 'nasa:x003'").column("queries").to_pylist()
    assert found == [["nasa:asteroid", "nasa:comet"]]


def test_votes_on_a_record_that_says_something_else_are_cast_again(filled, arrival):
    field = pa.field("votes", VOTE_TYPE)

    def none(batch: pa.Table) -> pa.Table:
        return pa.table({"votes": pa.array([[]] * batch.num_rows, VOTE_TYPE)})

    fill(filled, none, reads=["title"], writes=[field], stamp=ColumnProvenance("votes"))
    version = filled.version.catalogue
    filled.upsert_records([arrival(3, queries=("nasa:comet",)).record])
    assert filled.version.catalogue == version
    filled.upsert_records([arrival(3, queries=("nasa:it's new",)).record])
    again = fill(filled, none, reads=["title"], writes=[field], stamp=ColumnProvenance("votes"))
    assert (again.filled, again.already_there) == (1, 9)


def test_a_record_survives_its_json_form():
    record = Record("nasa", "a/b", title="x", keywords=("k", "l"), names=("M 31",))
    assert Record.from_json(record.to_json()) == record


def test_believed_columns_that_nobody_wrote_read_as_null(filled):
    assert filled.read(["id", "label", "votes"]).column("label").null_count == 10


def test_a_column_function_fills_only_the_rows_that_lack_it(filled, arrival):
    stamp = ColumnProvenance("embed", {"size": 2})
    first = fill(filled, lengths, reads=["thumbnail"], writes=WIDTH, stamp=stamp, batch_size=3)
    filled.add([arrival(11)])
    second = fill(filled, lengths, reads=["thumbnail"], writes=WIDTH, stamp=stamp)
    assert (first.filled, second.filled, second.already_there) == (10, 1, 10)


def test_other_parameters_make_all_rows_stale_and_the_old_values_stay_readable(filled):
    fill(
        filled,
        lengths,
        reads=["thumbnail"],
        writes=WIDTH,
        stamp=ColumnProvenance("embed", {"size": 2}),
    )
    old = str(filled.version)
    again = fill(
        filled,
        lengths,
        reads=["thumbnail"],
        writes=WIDTH,
        stamp=ColumnProvenance("embed", {"size": 3}),
    )
    assert again.filled == 10
    assert Atlas.open(filled.uri, version=old).read(["embedding_tiny"]).num_rows == 10
    assert b'"size": 3' in filled.provenance_of("embedding_tiny")[b"parameters"]


def test_a_failing_column_function_keeps_what_was_committed(filled):
    seen = 0

    def fails_late(batch: pa.Table) -> pa.Table:
        nonlocal seen
        seen += batch.num_rows
        if seen > 6:
            message = "boom"
            raise RuntimeError(message)
        return lengths(batch)

    stamp = ColumnProvenance("embed")
    with pytest.raises(RuntimeError, match="boom"):
        fill(
            filled,
            fails_late,
            reads=["thumbnail"],
            writes=WIDTH,
            stamp=stamp,
            batch_size=2,
            task_rows=2,
            checkpoint_rows=2,
        )
    rest = fill(filled, lengths, reads=["thumbnail"], writes=WIDTH, stamp=stamp)
    assert (rest.filled, rest.already_there) == (4, 6)


def test_the_order_of_images_is_the_order_asked_for(filled):
    ids = filled.ids()[::-1]
    assert filled.images(ids, ["id"]).column("id").to_pylist() == ids
    with pytest.raises(errors.AtlasError, match="no image"):
        filled.images(["nasa:nowhere"])


def test_whole_table_columns_are_stamped_and_rows_left_out_become_null(filled):
    ids = filled.ids()
    filled.replace_columns(
        pa.table({"id": ids, "group": ["a"] * 10}), ColumnProvenance("group", inputs="1")
    )
    filled.replace_columns(pa.table({"id": ids[:4], "group": ["b"] * 4}), ColumnProvenance("group"))
    groups = filled.read(["group"]).column("group")
    assert sorted(groups.drop_null().to_pylist()) == ["b"] * 4
    assert filled.provenance_of("group")[b"stage"] == b"group"


def test_a_tag_pins_all_tables_together(filled, arrival):
    filled.append_decisions([verdict("nasa:x001", "comet")])
    filled.tag("first")
    filled.add([arrival(50)])
    filled.append_decisions([verdict("nasa:x002", "star")])
    pinned = Atlas.open(filled.uri, version="first")
    assert pinned.count() == 10
    assert checked_labels(pinned) == {"nasa:x001": "comet"}
    with pytest.raises(errors.AtlasError, match="not written"):
        pinned.add([arrival(60)])
    with pytest.raises(errors.AtlasError, match="never move"):
        filled.tag("first")


def test_the_latest_verdict_wins_and_a_repeated_one_is_kept_once(filled):
    filled.append_decisions([verdict("nasa:x001", "comet"), verdict("nasa:x001", "star", hour=2)])
    assert filled.append_decisions([verdict("nasa:x001", "comet")]) == 0
    assert latest_decisions(filled)["nasa:x001"].label == "star"


def test_verify_is_silent_on_a_sound_atlas(filled):
    found = verify_atlas(filled)
    assert found.is_sound
    assert found.problems == ()
    assert found.hashed == 10


def test_verify_finds_changed_bytes_and_rows_without_partners(filled, arrival):
    filled.upsert_records([Record("nasa", "alone")])
    stray = arrival(77)
    broken = type(stray)(stray.record, stray.intake, b"other bytes")
    filled.add([broken])
    filled.append_decisions([verdict("nasa:unknown", "comet")])
    kinds = {problem.kind for problem in verify_atlas(filled).problems}
    assert kinds == {"record_without_image", "bytes_changed", "verdict_on_unknown_id"}
    assert not verify_atlas(filled).is_sound


@pytest.mark.parametrize(
    ("schema", "kind", "says"),
    [
        (1, errors.AtlasTooOldError, "schema 1, this program reads and writes 2. Collect or"),
        (99, errors.AtlasTooNewError, "schema 99, this program knows up to 2. Get the"),
    ],
)
@pytest.mark.parametrize("has_marker", [True, False])
@pytest.mark.parametrize("opening", [Atlas.open, Atlas.create, verify_atlas])
def test_an_atlas_of_another_schema_is_refused_in_one_clear_line(
    filled, schema, kind, says, has_marker, opening
):
    for name in TABLES:
        table = lance.dataset(f"{filled.uri}/{name}.lance")
        table.update_schema_metadata({"cosmic_schema": str(schema)})
    marker = Path(filled.uri) / "atlas.json"
    marker.write_text(marker.read_text().replace('"schema": 2', f'"schema": {schema}'))
    if not has_marker:
        marker.unlink()
    with pytest.raises(kind, match=says) as caught:
        opening(filled.uri)
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_a_missing_atlas_and_a_missing_version_say_what_to_do(tmp_path, filled):
    with pytest.raises(errors.AtlasNotFoundError, match="Collect or import"):
        Atlas.open(tmp_path / "nothing")
    with pytest.raises(errors.AtlasError, match="atlas versions"):
        Atlas.open(filled.uri, version="never-tagged")


def test_a_full_disk_is_named_and_the_last_commit_stands(filled):
    with pytest.raises(errors.AtlasFullError, match="Make room"), translate_errors("here"):
        raise OSError(28, "No space left on device")
    assert filled.count() == 10


def test_compaction_loses_no_row(atlas, arrival):
    for number in range(4):
        atlas.add([arrival(number)])
    before = len(atlas.table("images").get_fragments())
    compact_tables(atlas)
    assert len(atlas.table("images").get_fragments()) < before
    assert verify_atlas(atlas).is_sound


def test_a_killed_writer_leaves_nothing_that_the_next_run_does_not_mend(tmp_path):
    """kill -9 while batches are being added; then the same adding again, to the end."""
    script = textwrap.dedent(
        """
        import sys
        sys.path.insert(0, sys.argv[2])
        from drawn_images import make_arrival
        from cosmic_morphology.atlas import Atlas
        atlas = Atlas.create(sys.argv[1])
        print("ready", flush=True)
        for start in range(0, 60, 3):
            atlas.add([make_arrival(n) for n in range(start, start + 3)])
            print(start, flush=True)
        """
    )
    place = str(tmp_path / "atlas")
    arguments = [sys.executable, "-c", script, place, str(Path(__file__).parents[2] / "tools")]
    for kill_after in (2, 5, 9):
        with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as child:
            for _ in range(kill_after):
                child.stdout.readline()
            os.kill(child.pid, signal.SIGKILL)
    subprocess.run(arguments, check=True, capture_output=True)
    done = Atlas.open(place)
    assert done.count() == done.count("catalogue") == 60
    assert verify_atlas(done).problems == ()


def test_exports_carry_labels_and_credits(filled, tmp_path):
    ids = filled.ids()
    filled.replace_columns(
        pa.table({"id": ids, "label": ["comet"] * 6 + [None] * 4}), ColumnProvenance("labels")
    )
    filled.replace_columns(
        pa.table({"id": ids, "split": ["train"] * 10}), ColumnProvenance("split")
    )
    folder = export_images(filled, tmp_path / "folder")
    assert folder.images == len(list((tmp_path / "folder/train/comet").glob("*.jpg"))) == 6
    table = export_images(filled, tmp_path / "all.parquet", format_="parquet")
    rows = pq.read_table(tmp_path / "all.parquet")
    assert rows.num_rows == table.images == 10
    assert {"image", "label", "split", "label_kind"} <= set(rows.schema.names)
    with (tmp_path / "all.parquet.credits.csv").open() as file:
        assert [row["images"] for row in csv.DictReader(file)] == ["10"]
    with pytest.raises(errors.InputError, match="exists"):
        export_images(filled, tmp_path / "all.parquet", format_="parquet")


def test_a_table_is_never_exported_without_its_credits(filled, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as kill:
        kill.setattr(sys.modules[export_images.__module__], "_write_about", killed)
        with pytest.raises(Killed):
            export_images(filled, tmp_path / "all.parquet", format_="parquet")
    assert not (tmp_path / "all.parquet").exists()
    assert export_images(filled, tmp_path / "all.parquet", format_="parquet").images == 10


def test_hostile_ids_stay_inside_the_export(atlas, arrival, tmp_path):
    for number, name in enumerate(("../../escape", "two\nlines", "a/b", "a:b")):
        made = arrival(number)
        atlas.add([type(made)(Record("evil", name), made.intake, made.data)])
    ids = atlas.ids()
    atlas.replace_columns(pa.table({"id": ids, "label": ["star"] * 4}), ColumnProvenance("labels"))
    atlas.replace_columns(pa.table({"id": ids, "split": ["train"] * 4}), ColumnProvenance("split"))
    assert export_images(atlas, tmp_path / "out").images == 4
    inside = list((tmp_path / "out/train/star").iterdir())
    assert len(inside) == 4


def test_silence_about_a_licence_is_no_permission(atlas, arrival):
    atlas.add([arrival(1, licence="Public domain"), arrival(2, licence="")])
    allowed = {each.licence: each.may_be_redistributed for each in credit_ledger(atlas)}
    assert allowed == {"Public domain": True, "": False}


def test_an_original_that_is_its_own_thumbnail_is_stored_once_and_read_as_ever(atlas, arrival):
    small, large = arrival(1), arrival(2)
    large = replace(large, intake=replace(large.intake, thumbnail=b"smaller"))
    atlas.add([small, large])
    stored = lance.dataset(f"{atlas.uri}/images.lance").to_table(["id", "image"]).to_pylist()
    expected = {small.record.id: small.data, large.record.id: large.data}
    kept = {row["id"]: row["image"] for row in stored}
    assert kept == {**expected, small.record.id: None}
    ids = list(expected)
    assert atlas.images(ids, ["image"]).column("image").to_pylist() == list(expected.values())
    for rows in (
        atlas.read(["id", "image"], table="images"),
        take(atlas, ids, ["id", "image"], table="images"),
        pa.Table.from_batches(stream(atlas, ["id", "image"], table="images")),
        pa.Table.from_batches(stream(atlas, ["id", "image"])),
    ):
        assert rows.schema.names == ["id", "image"]
        assert {row["id"]: row["image"] for row in rows.to_pylist()} == expected
    everything = {row["id"]: row for row in atlas.read(table="images").to_pylist()}
    assert everything[small.record.id]["thumbnail"] == small.data
    assert {each: row["image"] for each, row in everything.items()} == expected
    assert verify_atlas(atlas).is_sound


def test_what_is_seen_in_pixels_stands_beside_them_and_filling_it_moves_no_image(filled):
    before = {f.fragment_id: f.physical_rows for f in filled.table("images").get_fragments()}
    ids = filled.ids()
    vectors = pa.array([[float(n), 1.0] for n in range(10)], WIDTH[0].type)
    filled.replace_columns(
        pa.table({"id": ids, "embedding_tiny": vectors, "label": ["star"] * 10}),
        ColumnProvenance("made"),
    )
    assert "embedding_tiny" in filled.table("images").schema.names
    assert "embedding_tiny" not in filled.table("catalogue").schema.names
    after = {f.fragment_id: f.physical_rows for f in filled.table("images").get_fragments()}
    assert after == before
    assert filled.count_filled("embedding_tiny") == 10
    assert filled.provenance_of("embedding_tiny")[b"stage"] == b"made"
    # Read with what stands in the catalogue, in its order, whole and by a filter.
    expected = dict(zip(ids, vectors.to_pylist(), strict=True))
    for where, n in ((None, 10), (f"id <= '{ids[3]}'", 4)):
        rows = filled.read(["embedding_tiny", "label", "id"], where=where).to_pylist()
        assert len(rows) == n
        assert all(row["embedding_tiny"] == expected[row["id"]] for row in rows)
    filled.upsert_records([Record("nowhere", "1", title="a record without an image")])
    assert filled.read(["id", "embedding_tiny"], where="source = 'nowhere'").to_pylist() == [
        {"id": "nowhere:1", "embedding_tiny": None}
    ]
    assert len(filled.read(["id", "embedding_tiny"])) == 11
