"""Images without a word about them, under a taxonomy of one's own: judged by evidence or not."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pyarrow as pa
import pytest
from test_relevance_own_classes import TAXONOMIES, curated

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate import check_mislabels
from cosmic_morphology.settings import CurateSettings

N = 24


def flagged(rows: dict[str, dict[str, object]]) -> set[str]:
    return {each for each, row in rows.items() if row["relevance_flag"]}


def embed(atlas: Atlas, vectors: np.ndarray) -> None:
    flat = pa.array(vectors.astype(np.float16).ravel())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    table = pa.table({"id": sorted(atlas.ids()), "embedding_net": column})
    atlas.replace_columns(table, ColumnProvenance("embed", {"backbone": "net"}, "1"))


@pytest.mark.parametrize("name", TAXONOMIES)
def test_images_of_which_nothing_is_known_are_neither_scored_nor_flagged(atlas, arrival, name):
    atlas.add([arrival(n, title="") for n in range(N)])
    rows = curated(atlas, TAXONOMIES[name])
    assert len(rows) == N
    assert flagged(rows) == set()
    assert {row["relevance_score"] for row in rows.values()} == {None}
    done = check_mislabels(atlas, taxonomy=TAXONOMIES[name], settings=CurateSettings())
    assert done.flagged == 0


@pytest.mark.parametrize("embedded", [False, True])
@pytest.mark.parametrize("name", TAXONOMIES)
def test_labelled_images_without_texts_are_not_flagged(atlas, arrival, name, embedded):
    classes = TAXONOMIES[name].names
    given = [classes[n % len(classes)] for n in range(N)]
    atlas.add([arrival(n, title="", given_label=g, collection="mine") for n, g in enumerate(given)])
    if embedded:
        random = np.random.default_rng(4)
        middle = {each: random.normal(0, 3, 16) for each in classes}
        embed(atlas, np.array([middle[g] + random.normal(0, 1, 16) for g in given]))
    rows = curated(atlas, TAXONOMIES[name])
    assert flagged(rows) == set()
    check_mislabels(atlas, taxonomy=TAXONOMIES[name], settings=CurateSettings())


@pytest.mark.parametrize("name", TAXONOMIES)
def test_junk_that_a_folder_names_is_flagged_with_its_reason(atlas, arrival, name):
    taxonomy = TAXONOMIES[name]
    given = [taxonomy.names[n % len(taxonomy.names)] for n in range(N)] + [taxonomy.reject] * 6
    atlas.add([arrival(n, title="", given_label=g, collection="mine") for n, g in enumerate(given)])
    rows = curated(atlas, taxonomy)
    assert flagged(rows) == {f"nasa:x{n:03d}" for n in range(N, N + 6)}
    assert all(rows[each]["relevance_reason"] for each in flagged(rows))


@pytest.mark.parametrize("name", TAXONOMIES)
def test_junk_that_only_pixels_and_verdicts_tell_takes_no_image_of_a_class_along(
    atlas, arrival, name
):
    """Unlabelled junk of one look, half of it dropped by a person."""
    taxonomy, junk = TAXONOMIES[name], 12
    given = [taxonomy.names[n % len(taxonomy.names)] for n in range(N)] + [""] * junk
    atlas.add([arrival(n, title="", given_label=g) for n, g in enumerate(given)])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"verdict": "drop", "label": "", "who": "ada", "at": at, "why": ""}
    dropped = {f"nasa:x{n:03d}" for n in range(N, N + junk // 2)}
    atlas.append_decisions([{"id": each, **said} for each in sorted(dropped)])
    random = np.random.default_rng(4)
    middle = {each: random.normal(0, 3, 16) for each in ("", *taxonomy.names)}
    embed(atlas, np.array([middle[g] + random.normal(0, 1, 16) for g in given]))
    rows = curated(atlas, taxonomy)
    unlabelled = {f"nasa:x{n:03d}" for n in range(N, N + junk)}
    assert flagged(rows) <= unlabelled
    assert all(rows[each]["relevance_reason"] for each in flagged(rows))


def test_an_empty_atlas_is_judged_to_be_empty(atlas):
    assert curated(atlas, TAXONOMIES["two"]) == {}
