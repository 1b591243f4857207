"""Variants stay with their origin; a split that cannot be what was asked for is refused."""

from __future__ import annotations

import numpy as np
import pytest
from split_rows import assigned, dealt, rows

from cosmic_morphology.atlas import SPLITS
from cosmic_morphology.curate.groups.lineage import parents_of
from cosmic_morphology.curate.split.assign import NONE
from cosmic_morphology.curate.split.check import check_ratios
from cosmic_morphology.curate.split.divide import SplitAssignment
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import SplitSettings


def space_net(origins: int, variants: int = 4) -> list[dict[str, object]]:
    return [
        {
            "id": f"folder:s/comet_page_1_image_{at}{'' if not tail else f'_aug{tail}'}.jpg",
            "source": "folder",
            "lineage": [f"spacenet:comet_page_1_image_{at}"],
        }
        for at in range(origins)
        for tail in range(variants)
    ]


def test_variants_of_space_net_fill_every_split_and_val_and_test_take_the_original() -> None:
    sides = dealt(rows(space_net(40)))
    assert {side: list(sides.values()).count(side) for side in SPLITS} == {
        "train": 96,
        "val": 8,
        "test": 8,
    }
    assert not any("aug" in each for each, side in sides.items() if side in ("val", "test"))


def test_variants_that_came_after_the_last_grouping_stay_with_their_origin() -> None:
    listed = space_net(20)
    for at, row in enumerate(listed):
        if at % 4 == 0:
            row |= {"group": row["id"], "split": "test" if at % 8 else "train"}
    sides = dealt(rows(listed))
    for at in range(0, len(listed), 8):
        assert [sides[row["id"]] for row in listed[at : at + 4]] == ["train"] * 4
        assert [sides[row["id"]] for row in listed[at + 4 : at + 8]] == ["test", *[NONE] * 3]


def test_a_table_may_name_the_original_as_it_names_its_files() -> None:
    listed = [{"id": "folder:set/a/1.jpg"}, {"id": "folder:set/a/2.jpg", "lineage": ["a/1.jpg"]}]
    assert parents_of(listed[1], {row["id"] for row in listed}) == ("folder:set/a/1.jpg",)
    assert dealt(rows([*listed, *({"id": f"p{at}"} for at in range(20))]), 3)[
        "folder:set/a/2.jpg"
    ] in ("train", NONE)


@pytest.mark.parametrize(
    ("listed", "reason"),
    [
        ([{"id": f"p{at}", "group": "one"} for at in range(30)],
         "val and test would hold no image: groups of images that can be assigned: 1"),
        ([{"id": f"p{at}", "source": "rendered"} for at in range(30)],
         "for training only: 30"),
        ([{"id": f"p{at}", "split": "train"} for at in range(30)], "cosmic split --redo"),
        ([{"id": f"p{at}", "duplicate_flag": at > 1} for at in range(30)],
         "a copy of another image: 28"),
    ],
    ids=["one group", "rendered", "kept", "copies"],
)  # fmt: skip
def test_an_empty_split_is_an_error_that_names_the_reason(
    listed: list[dict[str, object]], reason: str
) -> None:
    found = assigned(rows(listed))
    with pytest.raises(UsageError) as caught:
        check_ratios(found, SplitSettings(), where="atlas")
    assert reason in str(caught.value)


def test_a_ratio_that_is_missed_by_more_than_the_groups_force_is_an_error() -> None:
    nothing, all_ = np.zeros(100, np.int8), np.ones(100, bool)
    for train, fixed, refused in ((60, False, False), (90, False, True), (90, True, False)):
        rest = 100 - train
        side = np.repeat(np.arange(3, dtype=np.int8), [train, rest // 2, rest - rest // 2])
        found = SplitAssignment(side, nothing, [""], np.arange(100), all_, all_ & fixed)
        if not refused:
            check_ratios(found, SplitSettings(), where="atlas")
        else:
            with pytest.raises(UsageError, match=r"train would hold 90 of 100 images where 60%"):
                check_ratios(found, SplitSettings(), where="atlas")
