"""Groups: what ties images together, and what must not."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from split_rows import RowsInMemory

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate.components import UnionFind
from cosmic_morphology.curate.groups.group import COLUMNS, Grouping, decide_groups, group_images
from cosmic_morphology.curate.groups.titles import named_in, title_series
from cosmic_morphology.settings import CurateSettings

LISTS = {"names", "albums", "lineage"}


def rows(*listed: dict[str, object]) -> pa.Table:
    names = ["id", *COLUMNS]
    schema = pa.schema([(n, pa.list_(pa.string()) if n in LISTS else pa.string()) for n in names])
    return pa.Table.from_pylist(
        [{"id": f"nasa:x{at:03d}", "source": "nasa", **row} for at, row in enumerate(listed)],
        schema=schema,
    )


def grouped(table: pa.Table, **changes: object) -> Grouping:
    records = RowsInMemory(table)
    batches = lambda: records.batches(["id", *COLUMNS])  # noqa: E731
    return decide_groups(batches, records.ids, CurateSettings(**changes))


def groups(*listed: dict[str, object], **changes: object) -> list[str]:
    return grouped(rows(*listed), **changes).group.to_pylist()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("M 31 in the morning", "The Andromeda Galaxy"),
        ("Messier 42", "NGC1976_final"),
        ("Comet ISON", "C/2012 S1 brightens"),
        ("67P from afar", "Churyumov-Gerasimenko"),
        ("Horsehead", "Barnard 33 and friends"),
        ("PIA15048", "PIA15048_medium"),
        ("heic1517a", "heic1517b"),
        ("SH2-155", "Caldwell 9"),
        ("The Pleiades", "m45"),
    ],
)
def test_names_of_one_object_tie(one: str, other: str) -> None:
    first, second = groups({"title": one}, {"title": other})
    assert first == second


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("M 31", "M 33"),
        ("M2-9: wings of a butterfly", "M 2"),
        ("NGC 224", "IC 224"),
        ("Jupiter in May", "Jupiter in June"),
        ("Comet tails", "Comet dust"),
        ("", ""),
        ("001", "001"),
        ("PIA15048", "PIA15049"),
        ("nebula 12", "nebula 13"),
        ("Spiral galaxy NGC 100 from afar", "Spiral galaxy NGC 101 from afar"),
    ],
)
def test_names_of_different_objects_do_not_tie(one: str, other: str) -> None:
    first, second = groups({"title": one}, {"title": other})
    assert first != second


def test_a_title_of_many_objects_ties_none_of_them() -> None:
    found = groups({"title": "M31, M33, M42 and M45"}, {"title": "M31"}, {"title": "M33"})
    assert len(set(found)) == 3


def test_a_single_body_is_one_object_where_that_is_asked_for() -> None:
    said = [
        {"title": "Mercury from the north"},
        {"title": "Craters of Mercury"},
        {"title": "Sunspots"},
        {"title": "Mercury crosses the Sun"},
        {"title": "The Sun at solar maximum"},
    ]
    by_copies = groups(*said)
    assert len(set(by_copies)) == len(said)
    by_object = groups(*said, groups={"single_bodies": "object"})
    assert by_object[0] == by_object[1]
    # An image of both ties neither: it would make one object of all bodies.
    assert len(set(by_object)) == len(said) - 1


def test_a_body_with_more_images_than_any_other_group_is_one_object_all_the_same() -> None:
    said = [{"title": f"{word} of Jupiter"} for word in ("Bands", "Spots", "Poles", "Rings")]
    settings = {"single_bodies": "object", "min_cap": 2, "max_share": 0.01}
    found = grouped(rows(*said), groups=settings)
    assert len(set(found.group.to_pylist())) == 1
    assert set(found.reason.to_pylist()) == {"same body jupiter"}


def test_a_broad_object_ties_only_images_of_one_day() -> None:
    found = groups(
        {"title": "Jupiter", "created_at": "2020-05-01T03:00:00"},
        {"title": "Jupiter again", "created_at": "2020-05-01T04:00:00"},
        {"title": "Jupiter", "created_at": "2021-05-01"},
    )
    assert found[0] == found[1] != found[2]


def test_parts_of_a_title_series_of_one_collection_stay_together() -> None:
    title = "Dust storm over the northern plains"
    found = groups(
        {"title": f"{title} (part 1)"},
        {"title": f"{title}, 2 of 3"},
        {"title": title, "source": "eso"},
    )
    assert found[0] == found[1] != found[2]


def test_copies_lineage_and_small_albums_stay_together() -> None:
    found = groups(
        {"duplicate_of": "nasa:x001"},
        {"duplicate_of": "nasa:x001"},
        {"lineage": ["nasa:x000"]},
        {"albums": ["first light"]},
        {"albums": ["first light"]},
    )
    assert len(set(found[:3])) == 1
    assert found[3] == found[4] != found[0]


def test_an_album_of_a_whole_mission_is_not_one_subject() -> None:
    found = groups(*({"albums": ["Apollo"]} for _ in range(30)), groups={"max_album": 10})
    assert len(set(found)) == 30


def test_a_name_that_stands_for_too_many_images_glues_nothing_and_is_reported() -> None:
    table = rows(*({"title": "Vesta"} for _ in range(40)))
    found = grouped(table, groups={"min_cap": 10})
    assert len(set(found.group.to_pylist())) == 40
    assert found.too_common == {"object: vesta": 40}


def test_each_group_says_why() -> None:
    found = grouped(rows({"title": "M31"}, {"title": "M31"}))
    assert found.reason.to_pylist() == ["same object m31"] * 2


@given(st.lists(st.sampled_from(["M31", "M33", "M31 and M33", "x"]), max_size=12), st.randoms())
def test_groups_do_not_depend_on_the_order_of_rows(titles: list[str], chance: object) -> None:
    table = rows(*({"title": title} for title in titles))
    order = list(range(len(titles)))
    chance.shuffle(order)
    one, two = grouped(table), grouped(table.take(pa.array(order, pa.int64())))
    assert one.group == two.group
    assert one.reason == two.reason


@given(st.integers(1, 30), st.lists(st.tuples(st.integers(0, 29), st.integers(0, 29)), max_size=40))
def test_union_find_agrees_with_walking_the_graph(n: int, pairs: list[tuple[int, int]]) -> None:
    pairs = [(a % n, b % n) for a, b in pairs]
    sets = UnionFind(n)
    for a, b in pairs:
        sets.union(a, b)
    label = list(range(n))
    for _ in range(n):
        for a, b in pairs:
            label[a] = label[b] = min(label[a], label[b])
    assert sets.labels().tolist() == label
    assert [sets.size(at) for at in range(n)] == [label.count(each) for each in label]


def test_series_need_words() -> None:
    assert title_series("Dust storm over the plains, part 3") == "dust storm over the plains"
    assert title_series("IMG_0012") == ""
    assert title_series("Galaxy 5") == ""


def test_names_that_the_source_gives_count_beside_the_title() -> None:
    assert named_in("A spiral", names=["M 31"]).objects == {"m31"}


def test_grouping_an_atlas_twice_changes_nothing(filled: Atlas) -> None:
    assert group_images(filled, settings=CurateSettings()).changed
    assert not group_images(filled, settings=CurateSettings()).changed
