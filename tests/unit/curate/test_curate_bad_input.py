"""What people bring along: other classes, other languages, too little, and contradictions."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate import (
    audit_labels,
    check_leakage,
    check_mislabels,
    check_relevance,
    explain_label,
    find_duplicates,
    group_images,
    import_verdicts,
    label,
    review_queue,
    split_images,
    vote,
)
from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.report import explore_atlas
from cosmic_morphology.settings import CurateSettings, SplitSettings
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy

SIX = load_taxonomy()
SETTINGS = CurateSettings()
SHAPES = (
    "disturbed", "merging", "round smooth", "in-between round smooth", "cigar shaped smooth",
    "barred spiral", "unbarred tight spiral", "unbarred loose spiral", "edge-on without bulge",
    "edge-on with bulge",
)  # fmt: skip
TEN = Taxonomy(classes=tuple(SkyClass(name=each, search=(each,)) for each in SHAPES))
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def curate(atlas: Atlas, taxonomy: Taxonomy = SIX):
    """All that `cosmic curate` and `cosmic split` do."""
    find_duplicates(atlas, settings=SETTINGS)
    vote(atlas, taxonomy=taxonomy, settings=SETTINGS)
    group_images(atlas, settings=SETTINGS)
    done = label(atlas, taxonomy=taxonomy, settings=SETTINGS)
    check_relevance(atlas, taxonomy=taxonomy, settings=SETTINGS)
    check_mislabels(atlas, taxonomy=taxonomy, settings=SETTINGS)
    split = split_images(atlas, settings=SplitSettings(), seed=1, reject=taxonomy.reject)
    assert check_leakage(atlas, settings=SETTINGS).leaks == 0
    return done, split


def labels_of(atlas: Atlas) -> list[str | None]:
    return atlas.read(["id", "label"]).sort_by("id").column("label").to_pylist()


def test_ten_galaxy_morphologies_go_all_the_way(atlas, arrival, tmp_path):
    # Words as names: a number would make them one series.
    titles = [f"A {SHAPES[n % 10]} galaxy called {LETTERS[n // 10] * 4}{n % 10}" for n in range(60)]
    atlas.add([arrival(n, title=title) for n, title in enumerate(titles)])
    done, split = curate(atlas, TEN)
    assert labels_of(atlas) == [SHAPES[n % 10] for n in range(60)]
    assert done.labels == {**dict.fromkeys(SHAPES, 6), "irrelevant": 0}
    assert all(min(sides.values()) > 0 for sides in split.classes.values())
    # Texts that agree are no reason for doubt, though there are few of them.
    assert atlas.count("catalogue", "mislabel_flag = true") == 0
    assert [each.label for each in review_queue(atlas, taxonomy=TEN, limit=3)]
    truth = tmp_path / "truth.csv"
    truth.write_text("id,class\nnasa:x005,barred spiral\n")
    assert audit_labels(atlas, truth, taxonomy=TEN).get("label", "precision").value == 1.0
    assert list(explore_atlas(atlas, tmp_path / "out", taxonomy=TEN).classes) == list(SHAPES)


def test_a_shape_within_a_shapes_name_is_not_heard_for_it(atlas, arrival):
    atlas.add([arrival(1, title="An in-between round smooth galaxy")])
    vote(atlas, taxonomy=TEN, settings=SETTINGS)
    said = {vote.label for vote in explain_label(atlas, "nasa:x001").votes}
    assert said == {"in-between round smooth"}


def test_empty_and_foreign_texts_are_open_labels_with_a_name(atlas, arrival):
    texts = ["", "夜空の写真", "Звёздное небо", "صورة", "ท้องฟ้า", "\u202e\u0000 \t"]
    atlas.add([arrival(n, title=title, description=title) for n, title in enumerate(texts)])
    done, _ = curate(atlas)
    assert (done.computed, done.abstained) == (0, 6)
    assert "label: none: no votes (none" in explain_label(atlas, "nasa:x001").lines()[1]


def test_other_languages_are_heard_where_the_words_are_known(atlas, arrival):
    titles = ["La nébuleuse d'Orion", "Galaxia espiral M 51", "Der Komet 67P"]
    atlas.add([arrival(n, title=title) for n, title in enumerate(titles)])
    curate(atlas)
    assert labels_of(atlas) == ["nebula", "galaxy", "comet"]


def test_an_atlas_without_any_label_is_split_and_judged_by_nobody(atlas, arrival, tmp_path):
    atlas.add([arrival(n, title="") for n in range(20)])
    done, split = curate(atlas)
    assert (done.abstained, split.classes) == (20, {"no label": {"train": 12, "val": 4, "test": 4}})
    for check in ("relevance", "mislabel"):
        assert atlas.count("catalogue", f"{check}_flag = true OR {check}_score IS NOT NULL") == 0
    assert len(review_queue(atlas, taxonomy=SIX)) == 20
    truth = tmp_path / "truth.csv"
    truth.write_text("id,class\nnasa:x001,star\nnasa:x002,irrelevant\n")
    measured = audit_labels(atlas, truth, taxonomy=SIX)
    assert measured.get("relevance", "coverage").value == 0.0
    assert measured.get("relevance", "recall").value == 0.0


def test_a_class_with_two_images_stands_on_two_sides(atlas, arrival):
    titles = ["Comet 67P", "Comet 81P"] + [f"Spiral galaxy NGC {100 + n}" for n in range(20)]
    atlas.add([arrival(n, title=title) for n, title in enumerate(titles)])
    done, split = curate(atlas)
    assert done.labels["comet"] == 2
    assert sum(split.classes["comet"].values()) == 2
    assert split.classes["comet"]["train"] == 1


def test_of_contradicting_verdicts_the_latest_counts_and_strangers_are_named(
    atlas, arrival, tmp_path
):
    atlas.add([arrival(n, title=f"Comet {66 + n}P") for n in range(1, 6)])
    table = tmp_path / "verdicts.csv"
    table.write_text(
        "id,verdict,label,who,when\n"
        "nasa:x001,label,star,bob,2026-01-02\n"
        "nasa:x001,drop,,ada,2026-01-01\n"
        "nobody:1,keep,,ada,2026-01-01\n"
    )
    done = import_verdicts(atlas, table, taxonomy=SIX)
    assert (done.contradicting_ids, done.unknown_ids) == (("nasa:x001",), ("nobody:1",))
    curate(atlas)
    assert labels_of(atlas) == ["star", *["comet"] * 4]


def test_a_verdict_on_an_image_that_is_gone_breaks_nothing(atlas, arrival):
    atlas.add([arrival(n, title=f"Comet {66 + n}P") for n in range(1, 6)])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    said = {"id": "gone:1", "verdict": "label", "label": "star", "who": "ada", "at": at, "why": ""}
    atlas.append_decisions([said])
    done, _ = curate(atlas)
    assert (done.checked, labels_of(atlas)) == (0, ["comet"] * 5)


def test_a_word_of_two_classes_is_refused_with_both_of_them(tmp_path):
    file = tmp_path / "mine.toml"
    classes = [f'[[classes]]\nname = "{name}"\nsearch = ["spiral"]\n' for name in ("one", "two")]
    file.write_text("".join(classes))
    said = r"mine\.toml: taxonomy: the search word 'spiral' belongs to both 'one' and 'two'"
    with pytest.raises(TaxonomyError, match=said):
        load_taxonomy(file)
