"""No pair of images is compared twice in one run, and every pair is that may have changed."""

from __future__ import annotations

import dataclasses

import lance
import numpy as np
import pyarrow as pa
import pytest

from cosmic_morphology.atlas import Atlas, ColumnProvenance, NewImage, Record
from cosmic_morphology.curate.duplicates import passes
from cosmic_morphology.curate.duplicates.find import find_copies
from cosmic_morphology.curate.duplicates.seen import read_seen
from cosmic_morphology.curate.exhaustive import compare
from cosmic_morphology.curate.split.leakage import check_leakage, copies_across
from cosmic_morphology.curate.verdicts import PairVerdicts, content_of
from cosmic_morphology.imaging import ingest_image
from cosmic_morphology.settings import CurateSettings, DuplicateSettings
from cosmic_morphology.synthesize import render_image

SETTINGS = CurateSettings(duplicates=DuplicateSettings(search="thorough"))
N = 12


@pytest.fixture(scope="module")
def images() -> list[bytes]:
    """Star fields and their mirrored copies, other pixels than those of other tests."""
    made = []
    for number in range(N):
        image = render_image("star", 7_310_000 + number // 2, size_px=160)
        if number % 2:
            image = dataclasses.replace(image, pixels=image.pixels[:, ::-1].copy())
        made.append(image)
    return [each.jpeg() for each in made]


@pytest.fixture
def sky(images, atlas: Atlas, monkeypatch) -> Atlas:
    """With fresh verdicts."""
    monkeypatch.setattr(compare, "_VERDICTS", PairVerdicts())
    monkeypatch.setattr(passes, "_VERDICTS", PairVerdicts())
    new = [
        NewImage(Record("sky", f"{at:02d}"), ingest_image(data), data)
        for at, data in enumerate(images)
    ]
    atlas.add(new)
    split_as(atlas, ["train", "test"] * (N // 2))
    return atlas


def split_as(atlas: Atlas, split: list[str]) -> None:
    ids = [f"sky:{at:02d}" for at in range(N)]
    columns = {"id": ids, "split": split, "group": ids}
    atlas.replace_columns(pa.table(columns), ColumnProvenance("test"))


@pytest.fixture
def decided(monkeypatch) -> list[int]:
    """How many pairs the exhaustive comparison decided, each time that it did."""
    numbers, real = [], compare._decided

    def counted(seen, pairs):
        numbers.append(len(pairs.whole))
        return real(seen, pairs)

    monkeypatch.setattr(compare, "_decided", counted)
    return numbers


def test_a_split_that_is_made_again_compares_only_new_pairs(sky, decided):
    ids = pa.array(sky.ids())
    every = compare.compare_all(sky, ids, np.full(N, -1))
    assert len(every.pairs) == N // 2
    assert sum(decided) >= N // 2
    decided.clear()
    again = compare.compare_all(sky, ids, np.arange(N) % 2)
    assert decided == []
    assert np.array_equal(again.pairs, every.pairs)
    assert np.array_equal(again.correlation, every.correlation)


def test_the_search_registers_a_pair_once(sky, monkeypatch):
    calls, real = [], passes.best_similarity

    def counted(*args):
        calls.append("registered")
        return real(*args)

    monkeypatch.setattr(passes, "best_similarity", counted)
    seen = read_seen(sky)
    found = find_copies(sky, seen, settings=SETTINGS)
    assert calls
    calls.clear()
    again = find_copies(sky, seen, settings=SETTINGS)
    assert calls == []
    assert np.array_equal(again.pairs, found.pairs)
    assert np.array_equal(again.score, found.score)


def test_what_was_found_is_asked_again_only_where_something_changed(sky):
    found = copies_across(sky, settings=SETTINGS)
    assert copies_across(sky, settings=SETTINGS, known=found) is found
    # What the proof does not read makes no difference.
    labels = pa.table({"id": sky.ids(), "label": ["star"] * N})
    sky.replace_columns(labels, ColumnProvenance("labels"))
    assert copies_across(sky, settings=SETTINGS, known=found) is found
    certificate = check_leakage(sky, settings=SETTINGS, raise_on_leak=False, known=found)
    assert certificate.leaks_by_kind["copy"] == N // 2

    stricter = SETTINGS.model_copy(deep=True)
    stricter.duplicates.max_hash_distance_bits -= 1
    assert copies_across(sky, settings=stricter, known=found) is not found
    split_as(sky, ["train"] * N)
    moved = copies_across(sky, settings=SETTINGS, known=found)
    assert moved is not found
    assert not len(moved.copies.pairs)


def test_other_pixels_under_the_same_name_are_compared(sky, images):
    """A leak that a new thumbnail brings is seen, whatever was decided before."""
    split_as(sky, ["train"] * 2 + ["test"] * (N - 2))
    found = copies_across(sky, settings=SETTINGS)
    assert not len(found.thorough.pairs)
    thumbnail = ingest_image(images[0]).thumbnail
    table = lance.dataset(f"{sky.uri}/images.lance")
    table.update({"thumbnail": f"X'{thumbnail.hex()}'"}, where=f"id = 'sky:{N - 1:02d}'")
    again = copies_across(Atlas.open(sky.uri), settings=SETTINGS, known=found)
    assert again is not found
    assert [0, N - 1] in again.thorough.pairs.tolist()


def test_verdicts_are_forgotten_before_they_fill_the_memory():
    verdicts = PairVerdicts(most=3)
    verdicts.keep([b"a", b"b"], [None, 0.9])
    verdicts.keep([b"c", b"d"], [None, 0.8])
    assert verdicts.known([b"a", b"b", b"c", b"d"]) == {b"c": None, b"d": 0.8}
    assert content_of(b"one") != content_of(b"other")
