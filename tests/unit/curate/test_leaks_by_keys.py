"""A leakage report without pixels: equal bytes, groups and names, also where images are missing."""

import pyarrow as pa
import pytest
from test_leak_proof import fill, image_of, jpeg

from cosmic_morphology.atlas import Atlas, ColumnProvenance, Record
from cosmic_morphology.curate import check_leakage
from cosmic_morphology.curate.groups.group import group_images
from cosmic_morphology.errors import LeakError
from cosmic_morphology.settings import CurateSettings

SETTINGS = CurateSettings()


def test_equal_bytes_leak_and_other_bytes_are_said_not_to_be_looked_for(atlas: Atlas):
    data, other = jpeg(image_of("planet", 1)), jpeg(image_of("planet", 1), 80)
    fill(
        atlas,
        {"a": data, "b": data, "c": other, "d": data},
        {"a": "train", "b": "test", "c": "val", "d": "none"},
    )
    found = check_leakage(atlas, settings=SETTINGS, raise_on_leak=False, by_keys=True)
    assert [(each.kind, each.images) for each in found.found] == [("copy", ("sky:a", "sky:b"))]
    assert "other bytes" in " ".join(found.not_looked_for)
    with pytest.raises(LeakError):
        check_leakage(atlas, settings=SETTINGS, by_keys=True)


@pytest.mark.parametrize("by_keys", [True, False])
def test_records_alone_are_checked_by_what_they_say(tmp_path, by_keys):
    atlas = Atlas.create(tmp_path / "atlas")
    atlas.upsert_records([Record("sky", name, title=f"M {31 + at // 2}") for at, name in
                          enumerate("abcd")])  # fmt: skip
    ids = [f"sky:{name}" for name in "abcd"]
    split = pa.table({"id": ids, "split": ["train", "test", "val", "val"], "group": ids})
    atlas.replace_columns(split, ColumnProvenance("test"))
    found = check_leakage(atlas, settings=SETTINGS, raise_on_leak=False, by_keys=by_keys)
    assert [(each.kind, each.what) for each in found.found] == [("object", "m31")]
    assert found.left_out == {"no image": 4}
    assert found.images == {"train": 1, "val": 2, "test": 1}


def test_another_setting_of_groups_makes_them_stale(filled: Atlas):
    group_images(filled, settings=SETTINGS)
    assert not group_images(filled, settings=SETTINGS).changed
    other = SETTINGS.model_copy(
        update={"groups": SETTINGS.groups.model_copy(update={"min_cap": 3})}
    )
    assert group_images(filled, settings=other).changed
