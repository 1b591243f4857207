"""The splitter: no group parted, nothing moved, ratios kept, the same for every row order."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from split_rows import assigned, dealt, rows

from cosmic_morphology.atlas import SPLITS, Atlas, ColumnProvenance
from cosmic_morphology.curate.records import sorted_codes
from cosmic_morphology.curate.split.assign import NONE, assign_groups, folds
from cosmic_morphology.curate.split.check import check_ratios
from cosmic_morphology.curate.split.divide import MADE_LATE, ON_TWO_SPLITS, SCORED_TWICE
from cosmic_morphology.curate.split.split import split_images
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings

RATIOS = {"train": 0.6, "val": 0.2, "test": 0.2}
LABELS = ("comet", "galaxy", "irrelevant", None)


def parts_of(groups: list[str], labels: list[str]) -> dict[str, str]:
    (group, names), (label, _) = (sorted_codes(pa.array(each)) for each in (groups, labels))
    found = assign_groups(group, label, names, shares=list(RATIOS.values()), seed=3)
    return {name: list(RATIOS)[at] for name, at in zip(names.to_pylist(), found, strict=True)}


@st.composite
def catalogues(draw: st.DrawFn) -> pa.Table:
    n = draw(st.integers(1, 60))
    return rows(
        [
            {
                "id": f"p{at:03d}",
                "label": draw(st.sampled_from(LABELS)),
                "group": f"g{draw(st.integers(0, 15))}",
                "source": draw(st.sampled_from(["nasa", "eso", "rendered"])),
                "lineage": draw(
                    st.sampled_from(
                        [[], [], ["p000"], ["spacenet:a"], ["spacenet:b", "spacenet:c"]]
                    )
                ),
                "duplicate_flag": draw(st.booleans()),
                "split": draw(st.sampled_from([None, None, "none", *SPLITS])),
            }
            for at in range(n)
        ]
    )


@given(catalogues(), st.integers(0, 5))
def test_no_group_is_ever_parted(table: pa.Table, seed: int) -> None:
    sides = dealt(table, seed)
    seen: dict[str, set[str]] = {}
    for each, group in zip(*(table.column(c).to_pylist() for c in ("id", "group")), strict=True):
        if sides[each] != NONE:
            seen.setdefault(group, set()).add(sides[each])
    assert all(len(found) == 1 for found in seen.values())


@given(catalogues(), st.integers(0, 5))
def test_an_image_keeps_its_split_or_leaves_for_a_reason(table: pa.Table, seed: int) -> None:
    found = assigned(table, seed)
    before: dict[str, set[str]] = {}
    listed = table.to_pylist()
    for row, group in zip(listed, found.group.tolist(), strict=True):
        if row["split"] in SPLITS:
            before.setdefault(group, set()).add(row["split"])
    reasons = found.exclusion_reasons().to_pylist()
    for row, group, side, why in zip(
        listed, found.group.tolist(), found.names().to_pylist(), reasons, strict=True
    ):
        if row["split"] in SPLITS and side != row["split"]:
            assert side == NONE
            assert why in {MADE_LATE, SCORED_TWICE, ON_TWO_SPLITS}
            assert (why == ON_TWO_SPLITS) <= (len(before[group]) > 1)


@given(catalogues(), st.integers(0, 5), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(table: pa.Table, seed: int, chance: object) -> None:
    order = list(range(table.num_rows))
    chance.shuffle(order)
    assert dealt(table, seed) == dealt(table.take(order), seed)


@given(catalogues(), st.integers(0, 5))
def test_splitting_twice_changes_nothing(table: pa.Table, seed: int) -> None:
    first = assigned(table, seed)
    again = table.drop_columns(["split", "split_reason"])
    again = again.append_column("split", first.names())
    again = again.append_column("split_reason", first.exclusion_reasons())
    second = assigned(again, seed)
    assert second.names() == first.names()
    assert second.exclusion_reasons() == first.exclusion_reasons()


@given(catalogues(), st.integers(0, 5))
def test_rendered_and_derived_images_are_for_training_only(table: pa.Table, seed: int) -> None:
    sides = dealt(table, seed)
    there = set(sides)
    for row in table.to_pylist():
        if row["source"] == "rendered" or there & set(row["lineage"]) - {row["id"]}:
            assert sides[row["id"]] in ("train", NONE)


@given(catalogues(), st.integers(0, 5))
def test_an_origin_goes_to_one_split_and_is_scored_once(table: pa.Table, seed: int) -> None:
    sides = dealt(table, seed)
    where: dict[str, list[str]] = {}
    for row in table.to_pylist():
        for origin in row["lineage"]:
            if origin not in sides and sides[row["id"]] != NONE:
                where.setdefault(origin, []).append(sides[row["id"]])
    for found in where.values():
        assert len(set(found)) == 1
        assert found[0] == "train" or len(found) == 1


_GALAXY_IN_VAL = [{"id": "g", "label": "galaxy", "split": "val"}, *({"id": n} for n in "abc")]


@example(rows(_GALAXY_IN_VAL), 0)
@given(catalogues(), st.integers(0, 5))
def test_no_split_misses_its_ratio_by_more_than_groups_force(table: pa.Table, seed: int) -> None:
    found = assigned(table, seed)
    try:
        check_ratios(found, SplitSettings(), where="atlas")
    except UsageError as error:
        assert "would hold no image" in str(error)  # noqa: PT017
        assert set(found.names().to_pylist()) - {NONE} != set(SPLITS)


@given(st.integers(3, 40), st.integers(1, 40), st.integers(0, 5))
def test_three_groups_are_enough_for_three_splits(n: int, classes: int, seed: int) -> None:
    table = rows(
        [{"id": f"p{at}", "group": f"p{at}", "label": f"c{at % classes}"} for at in range(n)]
    )
    found = assigned(table, seed)
    check_ratios(found, SplitSettings(), where="atlas")
    for side, asked in RATIOS.items():
        assert abs(found.names().to_pylist().count(side) - asked * n) <= 1


@given(catalogues(), st.integers(0, 5))
def test_copies_and_images_without_a_class_get_no_side(table: pa.Table, seed: int) -> None:
    sides = dealt(table, seed, include_reject=False, include_unlabelled=False)
    for row in table.to_pylist():
        if row["split"] not in SPLITS and (
            row["duplicate_flag"] or row["label"] in (None, "irrelevant")
        ):
            assert sides[row["id"]] == NONE


@settings(max_examples=40)
@given(st.data())
def test_every_class_is_within_two_points_where_groups_are_small(data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 10_000)))
    groups, labels = [], []
    for name in "abcdef"[: data.draw(st.integers(2, 6))]:
        for at in range(int(rng.integers(60, 200))):
            for _ in range(int(rng.integers(1, 4))):
                groups.append(f"{name}{at}")
                labels.append(name)
    found = parts_of(groups, labels)
    for name in set(labels):
        sides = [found[g] for g, label in zip(groups, labels, strict=True) if label == name]
        for side, asked in RATIOS.items():
            assert abs(sides.count(side) / len(sides) - asked) <= 0.02


def test_groups_of_mixed_classes_and_uneven_sizes_are_still_balanced() -> None:
    rng = np.random.default_rng(5)
    groups, labels = [], []
    for at in range(400):
        for _ in range(int(rng.pareto(1.5)) + 1 if at % 10 else 12):
            groups.append(f"g{at}")
            labels.append("abc"[int(rng.integers(0, 3))] if at % 3 else "a")
    found = parts_of(groups, labels)
    for name in "abc":
        sides = [found[g] for g, label in zip(groups, labels, strict=True) if label == name]
        for side, asked in RATIOS.items():
            assert abs(sides.count(side) / len(sides) - asked) <= 0.02


def test_another_seed_deals_another_split() -> None:
    table = rows([{"id": f"p{at}", "group": f"g{at}"} for at in range(100)])
    assert dealt(table, 1) != dealt(table, 2)


def test_a_new_image_of_an_old_group_joins_its_side() -> None:
    table = rows(
        [{"id": "old", "group": "g", "split": "test"}, {"id": "new", "group": "g"}]
        + [{"id": f"p{at}", "group": f"p{at}"} for at in range(20)]
    )
    assert dealt(table)["new"] == "test"


def test_a_better_copy_that_comes_late_does_not_count_twice() -> None:
    table = rows(
        [
            {"id": "old", "group": "g", "split": "train", "duplicate_flag": True}
            | {"duplicate_of": "large"},
            {"id": "large", "group": "g", "duplicate_of": "large"},
        ]
    )
    assert dealt(table) == {"old": "train", "large": NONE}


def test_the_smaller_part_of_a_group_that_was_on_two_sides_is_left_out() -> None:
    table = rows(
        [{"id": f"a{at}", "group": "g", "split": "train"} for at in range(3)]
        + [{"id": "b", "group": "g", "split": "test"}]
    )
    assert dealt(table) == {"a0": "train", "a1": "train", "a2": "train", "b": NONE}


def test_held_out_collections_are_the_test_and_nothing_else_is() -> None:
    table = rows(
        [{"id": f"p{at}", "collection": "site" if at < 10 else ""} for at in range(60)]
        + [{"id": "tied", "group": "p0"}]
    )
    sides = dealt(table, hold_out=("site",))
    assert {each for each, side in sides.items() if side == "test"} == {
        f"p{at}" for at in range(10)
    }
    assert sides["tied"] == NONE
    assert list(sides.values()).count("train") == pytest.approx(50 * 0.75, abs=1)


def test_the_reject_class_is_dealt_unless_it_is_left_out() -> None:
    table = rows([{"id": f"p{at}", "label": "irrelevant"} for at in range(10)])
    assert set(dealt(table, include_reject=False).values()) == {NONE}
    assert NONE not in dealt(table).values()


def test_images_without_a_label_are_dealt_unless_they_are_left_out() -> None:
    table = rows([{"id": f"p{at}", "label": None} for at in range(10)])
    assert set(dealt(table, include_unlabelled=False).values()) == {NONE}
    assert NONE not in dealt(table).values()


def test_folds_keep_groups_whole_and_classes_in_balance() -> None:
    groups = [f"g{at // 2}" for at in range(200)]
    labels = ["a" if at // 2 % 4 else "b" for at in range(200)]
    fold = folds(groups, labels, k=5, seed=7)
    assert {len({int(f) for f, g in zip(fold, groups, strict=True) if g == n}) for n in groups} == {
        1
    }
    for number in range(5):
        assert abs(int((fold == number).sum()) - 40) <= 2
    with pytest.raises(ValueError, match="101 folds of 100 groups"):
        folds(groups, labels, k=101, seed=7)


def write_columns(atlas: Atlas, **columns: list[object]) -> None:
    ids = atlas.ids()
    for name, values in columns.items():
        array = pa.array(values, pa.bool_() if name.endswith("flag") else pa.string())
        atlas.replace_columns(pa.table({"id": ids, name: array}), ColumnProvenance("test"))


def test_an_atlas_that_is_split_twice_has_no_new_version(filled: Atlas) -> None:
    write_columns(filled, label=["comet", "galaxy"] * 5, group=filled.ids())
    first = split_images(filled, settings=SplitSettings(), seed=1)
    version = str(filled.version)
    second = split_images(filled, settings=SplitSettings(), seed=1)
    assert first.changed
    assert not second.changed
    assert str(filled.version) == version
    assert second.kept == 10


def test_an_atlas_without_any_label_is_refused_with_a_hint(filled: Atlas) -> None:
    with pytest.raises(UsageError, match="there is no column 'group'"):
        split_images(filled, settings=SplitSettings(), seed=1)
    write_columns(filled, label=[None] * 10, group=filled.ids())
    with pytest.raises(UsageError, match="nothing to balance"):
        split_images(filled, settings=SplitSettings(include_unlabelled=False), seed=1)


def test_a_refused_split_leaves_the_atlas_as_it_was(filled: Atlas) -> None:
    write_columns(filled, label=["comet"] * 10, group=["one"] * 10)
    version = str(filled.version)
    with pytest.raises(UsageError, match="would hold no image"):
        split_images(filled, settings=SplitSettings(), seed=1)
    assert str(filled.version) == version


def test_what_is_held_out_is_written_as_test_though_nothing_is_left_to_learn_from(
    atlas: Atlas, arrival
) -> None:
    who = ["rest", "O'Brien"]
    atlas.add([arrival(n, collection=who[n % 3 == 0]) for n in range(12)])
    write_columns(atlas, label=["galaxy"] * 12, group=["one object"] * 12)
    with pytest.raises(UsageError, match=r"train and val would hold no image.*held out.*: 8"):
        split_images(atlas, settings=SplitSettings(hold_out=("O'Brien",)), seed=1)
    rows = atlas.read(["collection", "split"]).to_pylist()
    assert {row["split"] for row in rows if row["collection"] == "O'Brien"} == {"test"}
    assert {row["split"] for row in rows if row["collection"] == "rest"} == {NONE}
