"""Columns of a whole table: written fragment by fragment, right beside other writers."""

import lance
import pyarrow as pa
import pytest

from cosmic_morphology.atlas import VOTE_TYPE, Atlas, ColumnProvenance, Record
from cosmic_morphology.atlas.maintenance import compact_tables
from cosmic_morphology.atlas.storage import (
    column_files,
    commit,
    key_places,
    opening,
    whole_columns,
)
from cosmic_morphology.atlas.storage.key_places import KeyPlaces
from cosmic_morphology.atlas.verification.verify import verify_atlas

IDS = [f"nasa:r{number:02}" for number in range(12)]
FIRST, AGAIN = ColumnProvenance("labels", inputs="1"), ColumnProvenance("labels", inputs="2")


def record(id_, title="a title"):
    source, _, source_id = id_.partition(":")
    return Record(source, source_id, title=title)


@pytest.fixture
def parts(atlas) -> Atlas:
    """Twelve records in three fragments, written against the order of their ids."""
    for start in (8, 4, 0):
        atlas.upsert_records([record(each) for each in IDS[start : start + 4][::-1]])
    assert len(atlas.table("catalogue").get_fragments()) == 3
    return atlas


def values(ids, text):
    return pa.table({"id": ids, "label": [f"{text} {each}" for each in ids]})


def labels(atlas):
    return {row["id"]: row["label"] for row in atlas.read(["id", "label"]).to_pylist()}


def expected(text):
    return {each: f"{text} {each}" for each in IDS}


def beside(monkeypatch, change):
    """Let another writer do something once, when files are written and not yet committed."""
    real, done = lance.LanceDataset.commit, []

    def after_another(*given, **named):
        if not done:
            done.append(None)
            done[0] = change()
        return real(*given, **named)

    monkeypatch.setattr(column_files.lance.LanceDataset, "commit", after_another)
    return done


def test_each_row_gets_its_value_in_one_commit_a_fragment_at_a_time(parts, monkeypatch):
    sizes = []
    real = whole_columns._of_fragment

    def counted(*given):
        rows = real(*given)
        sizes.append(rows.num_rows)
        return rows

    monkeypatch.setattr(whole_columns, "_of_fragment", counted)
    before = parts.version.catalogue
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert labels(parts) == expected("one")
    assert FIRST.is_current(parts.provenance_of("label"))
    assert parts.version.catalogue == before + 1  # the column, its values and its stamp
    parts.replace_columns(values(IDS[::-1], "two"), AGAIN)
    assert labels(parts) == expected("two")
    assert parts.version.catalogue == before + 3  # the values, and the stamp
    assert sizes == [4] * 6
    assert set(parts.read(["title"]).column("title").to_pylist()) == {"a title"}
    assert verify_atlas(parts).problems[0].kind == "record_without_image"


def test_rows_that_are_left_out_become_null_and_unknown_ids_are_passed_over(parts):
    parts.replace_columns(values(IDS, "one"), FIRST)
    commit.delete(parts.table("catalogue"), f"id = '{IDS[5]}'")
    parts.replace_columns(values([IDS[2], "nasa:nowhere", IDS[6]], "two"), AGAIN)
    rest = dict.fromkeys(each for each in IDS if each != IDS[5])
    assert labels(parts) == rest | {each: f"two {each}" for each in (IDS[2], IDS[6])}


def test_lists_of_structs_are_written_and_left_out_like_texts(parts):
    rows = pa.table(
        {
            "id": IDS[:5],
            "votes": pa.array([[{"voter": "a", "reason": each}] for each in IDS[:5]], VOTE_TYPE),
        }
    )
    parts.replace_columns(rows, ColumnProvenance("votes"))
    found = {row["id"]: row["votes"] for row in parts.read(["id", "votes"]).to_pylist()}
    assert {each: found[each] and found[each][0]["reason"] for each in IDS} == {
        each: each if each in IDS[:5] else None for each in IDS
    }


def test_vectors_of_images_stand_beside_the_images(filled):
    ids = filled.ids()
    flat = pa.array([float(number) for number in range(2 * len(ids))], pa.float16())
    vectors = pa.FixedSizeListArray.from_arrays(flat, 2)
    rows = pa.table({"id": ids, "embedding_made": vectors})
    filled.replace_columns(rows.slice(3), ColumnProvenance("embed"))
    there = filled.read(["id", "embedding_made"]).sort_by("id").column("embedding_made")
    assert there.to_pylist() == [None] * 3 + vectors.to_pylist()[3:]


def test_a_record_that_another_writer_renews_meanwhile_has_its_value(parts, monkeypatch):
    other = Atlas.open(parts.uri)
    done = beside(monkeypatch, lambda: other.upsert_records([record(IDS[3], "renewed")]))
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert done
    assert labels(parts) == expected("one")
    assert parts.count("catalogue", "title = 'renewed'") == 1


def test_a_record_that_comes_meanwhile_has_none(parts, monkeypatch):
    other = Atlas.open(parts.uri)
    beside(monkeypatch, lambda: other.upsert_records([record("nasa:late")]))
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert labels(parts) == expected("one") | {"nasa:late": None}


def test_fragments_that_are_merged_meanwhile_are_written_again(parts, monkeypatch):
    other = Atlas.open(parts.uri)
    done = beside(monkeypatch, lambda: compact_tables(other))
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert done
    assert len(parts.table("catalogue").get_fragments()) == 1
    assert labels(parts) == expected("one")


def test_columns_that_another_makes_again_meanwhile_are_not_left_empty(parts, monkeypatch):
    other = Atlas.open(parts.uri)
    theirs = ColumnProvenance("labels", {"another": "recipe"})
    fields = [pa.field("label", pa.string())]
    done = beside(monkeypatch, lambda: other.prepare_columns(fields, theirs))
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert done == [True]
    assert labels(parts) == expected("one")
    assert FIRST.is_current(parts.provenance_of("label"))


def test_columns_that_come_meanwhile_keep_their_values(parts, monkeypatch):
    other = Atlas.open(parts.uri)
    theirs = pa.table({"id": IDS, "group": [f"group {each}" for each in IDS]})
    done = beside(monkeypatch, lambda: other.replace_columns(theirs, ColumnProvenance("groups")))
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert done
    assert labels(parts) == expected("one")
    groups = {row["id"]: row["group"] for row in parts.read(["id", "group"]).to_pylist()}
    assert groups == expected("group")
    assert ColumnProvenance("groups").is_current(parts.provenance_of("group"))
    assert verify_atlas(parts).problems[0].kind == "record_without_image"


def test_files_that_hold_are_not_written_again_when_another_was_faster(parts, monkeypatch):
    written = []
    real = whole_columns._of_fragment

    def counted(*given):
        written.append(given[1].fragment_id)
        return real(*given)

    monkeypatch.setattr(whole_columns, "_of_fragment", counted)
    other = Atlas.open(parts.uri)
    done = beside(monkeypatch, lambda: other.upsert_records([record("nasa:late")]))
    parts.replace_columns(values(IDS, "one"), FIRST)
    assert done
    # The first says what the schema is by now; the last has come meanwhile.
    assert written == [0, 1, 2, 0, 3]


def test_a_kill_before_the_stamp_leaves_the_columns_stale(parts, monkeypatch):
    parts.replace_columns(values(IDS, "one"), FIRST)

    def killed(*_, **__):
        raise KeyboardInterrupt

    anew = ColumnProvenance("labels", {"new": True}, inputs="3")
    for stamp, *at in (
        (AGAIN, whole_columns, "stamp_columns"),
        (anew, lance.LanceDataset, "commit"),
    ):
        with monkeypatch.context() as until_then:
            until_then.setattr(*at, killed)
            with pytest.raises(KeyboardInterrupt):
                parts.replace_columns(values(IDS, "two"), stamp)
        assert not stamp.is_current(parts.provenance_of("label"))
    parts.replace_columns(values(IDS, "two"), AGAIN)
    assert AGAIN.is_current(parts.provenance_of("label"))
    assert labels(parts) == expected("two")


@pytest.mark.parametrize("meanwhile", [compact_tables, lambda other: other.tag("now")])
def test_a_function_changes_some_rows_and_those_that_others_move_meanwhile(
    parts, monkeypatch, meanwhile
):
    parts.replace_columns(values(IDS, "one"), FIRST)
    other = Atlas.open(parts.uri)
    beside(monkeypatch, lambda: meanwhile(other))

    def changed(rows):
        assert rows.num_rows <= len(IDS)
        some = rows.filter(pa.array([each in IDS[3:6] for each in rows["id"].to_pylist()]))
        new = pa.array([f"two {each}" for each in some["id"].to_pylist()])
        return some.set_column(some.schema.get_field_index("label"), "label", new)

    before = parts.version.catalogue
    parts.change_columns(["label"], changed)
    parts.change_columns(["fold"], changed)  # not there yet
    assert labels(parts) == expected("one") | {each: f"two {each}" for each in IDS[3:6]}
    assert FIRST.is_current(parts.provenance_of("label"))
    if meanwhile is not compact_tables:
        assert parts.version.catalogue == before + 1


def test_keys_that_share_a_hash_are_told_apart(monkeypatch):
    monkeypatch.setattr(key_places, "hashes_of", lambda keys: key_places.np.zeros(len(keys), "i8"))
    places = KeyPlaces(pa.array(["a", "b"]))
    assert places.find(pa.array(["b", "c", "a"])).to_pylist() == [1, None, 0]
    # One key alone has the hash of every other.
    assert KeyPlaces(pa.array(["a"])).find(pa.array(["b", "a"])).to_pylist() == [None, 0]
    assert KeyPlaces(pa.array([], pa.string())).find(pa.array(["a"])).to_pylist() == [None]


def test_memory_that_arrow_frees_is_free_for_all(atlas):
    assert atlas.count() == 0
    assert pa.default_memory_pool().backend_name == "system"


def test_what_is_kept_of_files_does_not_grow_with_commits(parts, monkeypatch):
    limit = 50_000
    monkeypatch.setattr(opening, "_FILE_METADATA_BYTES", limit)
    atlas = Atlas.open(parts.uri)
    for number in range(8):
        atlas.replace_columns(
            values(IDS, str(number)), ColumnProvenance("labels", inputs=str(number))
        )
    dataset = atlas.table("catalogue").dataset
    # The other cache is that of indexes, of which there are none here.
    assert not dataset.describe_indices()
    assert dataset.session().size_bytes() <= limit
    assert labels(atlas) == expected("7")
