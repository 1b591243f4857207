"""A side once given is kept: at a rerun, when images come in, and when the proof mends a split."""

from __future__ import annotations

import pyarrow as pa
import pytest
from PIL import Image
from test_leak_proof import image_of, jpeg

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.curate import find_duplicates, group_images, split_images
from cosmic_morphology.curate.split.leakage import check_leakage
from cosmic_morphology.curate.split.mending import certify_and_mend, splits_before
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings, SplitSettings

CURATE = CurateSettings(duplicates={"embedding": "none"})
TURNED = Image.Transpose.ROTATE_180


def add(atlas: Atlas, images: dict[str, Image.Image]) -> None:
    arrivals = []
    for name, image in images.items():
        data = jpeg(image)
        arrivals.append(NewImage(Record("sky", name), ingest_image(data), data))
    atlas.add(arrivals)
    ids = atlas.ids()
    labels = pa.table({"id": ids, "label": ["star"] * len(ids)})
    atlas.replace_columns(labels, ColumnProvenance("test", {"images": len(ids)}))
    group_images(atlas, settings=CURATE)


def deal(atlas: Atlas) -> None:
    split_images(atlas, settings=SplitSettings(), seed=3)


def sides(atlas: Atlas) -> dict[str, str]:
    rows = atlas.read(["id", "split"])
    return dict(zip(*(rows.column(c).to_pylist() for c in ("id", "split")), strict=True))


def mended(atlas: Atlas, before: pa.Table) -> int:
    done = certify_and_mend(atlas, settings=CURATE, before=before, split_again=lambda: deal(atlas))
    return done.tied


@pytest.fixture
def dealt(atlas: Atlas) -> Atlas:
    """Twelve different star fields, searched for copies, grouped and divided."""
    images = {f"old-{n:02d}": image_of("star field", 500 + n) for n in range(12)}
    add(atlas, images)
    find_duplicates(atlas, settings=CURATE)
    deal(atlas)
    return atlas


def test_a_rerun_and_new_images_move_nothing(dealt):
    first = sides(dealt)
    deal(dealt)
    assert sides(dealt) == first
    add(dealt, {f"new-{n}": image_of("star field", 600 + n) for n in range(8)})
    deal(dealt)
    now = sides(dealt)
    assert {each: now[each] for each in first} == first
    assert all(now[f"sky:new-{n}"] in ("train", "val", "test") for n in range(8))


def test_mending_moves_the_copies_that_came_in_and_nothing_that_had_a_side(dealt):
    first = sides(dealt)
    # The search is not run again: only the proof sees that these are copies.
    copies = {f"new-{n:02d}": image_of("star field", 500 + n).transpose(TURNED) for n in range(12)}
    add(dealt, copies)
    before = splits_before(dealt)
    deal(dealt)
    leaks = check_leakage(dealt, settings=CURATE, raise_on_leak=False).leaks
    assert leaks > 0
    assert mended(dealt, before) >= leaks
    now = sides(dealt)
    assert {each: now[each] for each in first} == first
    for n in range(12):
        assert now[f"sky:new-{n:02d}"] in (now[f"sky:old-{n:02d}"], "none")
    assert check_leakage(dealt, settings=CURATE).leaks == 0
    assert mended(dealt, splits_before(dealt)) == 0
    assert sides(dealt) == now


def test_of_copies_that_both_had_a_side_one_is_taken_out_for_good_and_none_moves(dealt):
    first = sides(dealt)
    tested = next(each for each, side in first.items() if side == "test")
    number = int(tested.rpartition("-")[2])
    add(dealt, {"new": image_of("star field", 500 + number).transpose(TURNED)})
    rows = pa.table({"id": [*first, "sky:new"], "split": [*first.values(), "train"]})
    dealt.replace_columns(rows, ColumnProvenance("by hand"))
    mended(dealt, splits_before(dealt))
    # A model may have learned from it as of train: it cannot become a test image.
    assert sides(dealt) == {**first, "sky:new": "none"}
    assert check_leakage(dealt, settings=CURATE).leaks == 0
    (why,) = dealt.read(["split_reason"], where="id = 'sky:new'").column(0).to_pylist()
    assert "two splits" in why
    deal(dealt)
    assert sides(dealt) == {**first, "sky:new": "none"}
