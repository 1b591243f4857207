"""Folds in the atlas: whole groups, none of the test, and who has a fold keeps it."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate import split_images
from cosmic_morphology.curate.records import sorted_codes
from cosmic_morphology.curate.split.folds import LEFT_OUT, NO_FOLD, assign_folds
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings


def folds_of(groups: list[str], labels: list[str], before: list[int], **more: int) -> list[int]:
    (group, names), (label, _) = (sorted_codes(pa.array(each)) for each in (groups, labels))
    everyone = np.ones(len(group), bool)
    had = np.array(before, np.int32)
    return assign_folds(group, label, names, takes_part=everyone, before=had, **more).tolist()


FIVE = SplitSettings(folds=5)


def believe(atlas: Atlas, groups: list[str]) -> None:
    ids = atlas.ids()
    for name, values in (("label", ["comet", "star"] * len(ids)), ("group", groups)):
        rows = pa.table({"id": ids, name: pa.array(values[: len(ids)], pa.string())})
        atlas.replace_columns(rows, ColumnProvenance("test"))


def column(atlas: Atlas, name: str) -> dict[str, object]:
    return {row["id"]: row[name] for row in atlas.read(["id", name]).to_pylist()}


@pytest.fixture
def sky(atlas: Atlas, arrival) -> Atlas:
    atlas.add([arrival(n) for n in range(40)])
    believe(atlas, [f"g{n // 2}" for n in range(40)])
    return atlas


def test_folds_are_of_train_and_val_and_part_no_group(sky):
    done = split_images(sky, settings=FIVE, seed=1)
    fold, side, group = (column(sky, name) for name in ("fold", "split", "group"))
    assert {each for each in fold if fold[each] is None} == {
        each for each in side if side[each] == "test"
    }
    assert len({(group[each], fold[each]) for each in fold}) == len(set(group.values()))
    assert set(done.folds) == set(range(5))
    assert max(done.folds.values()) - min(done.folds.values()) <= 2


def test_dealing_folds_twice_changes_nothing_and_moves_no_side(sky):
    split_images(sky, settings=SplitSettings(), seed=1)
    sides = column(sky, "split")
    assert "fold" not in sky.columns()
    assert split_images(sky, settings=FIVE, seed=1).changed
    assert column(sky, "split") == sides
    version = str(sky.version)
    assert not split_images(sky, settings=FIVE, seed=1).changed
    assert str(sky.version) == version


def test_new_images_join_the_folds_and_no_old_one_moves(sky, arrival):
    split_images(sky, settings=FIVE, seed=1)
    before = column(sky, "fold")
    sky.add([arrival(n) for n in range(40, 60)])
    believe(sky, [f"g{n // 2}" for n in range(60)])
    split_images(sky, settings=FIVE, seed=1)
    after = column(sky, "fold")
    assert {each: after[each] for each in before} == before
    assert {after[each] for each in after if each not in before} - {None}


def test_another_number_of_folds_deals_anew_and_none_empties_the_column(sky):
    split_images(sky, settings=FIVE, seed=1)
    three = split_images(sky, settings=SplitSettings(folds=3), seed=1)
    assert set(three.folds) == {0, 1, 2}
    assert split_images(sky, settings=SplitSettings(), seed=1).folds == {}
    assert set(column(sky, "fold").values()) == {None}


@pytest.mark.parametrize("k", [1, 33])
def test_folds_that_cannot_be_dealt_are_refused(sky, k):
    with pytest.raises(UsageError, match=rf"split\.folds: {k} folds cannot be made of \d+ groups"):
        split_images(sky, settings=SplitSettings(folds=k), seed=1)


def test_an_image_whose_group_was_in_another_fold_is_left_out_for_good():
    given = {"labels": [""] * 5, "k": 2, "seed": 1}
    found = folds_of(["g", "g", "g", "h", "i"], before=[0, 0, 1, 1, NO_FOLD], **given)
    assert found[:4] == [0, 0, LEFT_OUT, 1]
    assert folds_of(["g", "g", "g", "h", "i"], before=found, **given) == found


@given(
    groups=st.lists(st.integers(0, 8), min_size=12, max_size=40),
    seed=st.integers(0, 5),
    k=st.integers(2, 3),
    data=st.data(),
)
def test_whatever_came_before_no_group_is_in_two_folds(groups, seed, k, data):
    names = [f"g{each}" for each in [*groups, 0, 1, 2]]
    options = st.sampled_from([NO_FOLD, LEFT_OUT, *range(k)])
    before = data.draw(st.lists(options, min_size=len(names), max_size=len(names)))
    found = folds_of(names, names, before=before, k=k, seed=seed)
    for name in set(names):
        mine = {fold for fold, group in zip(found, names, strict=True) if group == name}
        assert len(mine - {LEFT_OUT}) <= 1
    for was, is_ in zip(before, found, strict=True):
        assert is_ in (was, LEFT_OUT) or was == NO_FOLD


def test_what_is_held_out_must_be_there(sky):
    with pytest.raises(UsageError, match=r"'hubble', which is to be held out.*nasa"):
        split_images(sky, settings=SplitSettings(hold_out=("hubble",)), seed=1)
