"""What changes of a taxonomy's phrases would change is counted before they are made."""

from __future__ import annotations

import tomllib

import numpy as np
import pyarrow as pa
import pytest
from drawn_images import make_arrival

from cosmic_morphology.atlas import Atlas, ColumnProvenance
from cosmic_morphology.curate import (
    PhraseChange,
    changed_text,
    effects_of,
    label,
    sample_texts,
    vote,
    with_changes,
)
from cosmic_morphology.curate.labels import phrase_effects
from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import load_taxonomy, shipped_taxonomies, taxonomy_text

SIX = load_taxonomy()
SETTINGS = CurateSettings()
TITLES = (
    "The Whirlpool Galaxy", "fluffball", "A fluffball in the sky", "Comet Lovejoy", "SombreroHat",
    "A sombrero at night", "The star field of Orion", "Nebula", "Dust in a nebula",
    "sombrero comet",
)  # fmt: skip


def rule_of(name: str, field: str = "title") -> str:
    return next(
        f"rule:{at}"
        for at, rule in enumerate(SIX.rules)
        if rule.label == name and field in rule.where
    )


@pytest.fixture(scope="module")
def atlas(tmp_path_factory) -> Atlas:
    made = Atlas.create(tmp_path_factory.mktemp("phrases") / "atlas")
    made.add([make_arrival(at, title=title) for at, title in enumerate(TITLES)])
    return made


def labels(atlas: Atlas, taxonomy) -> dict[str, str]:
    """As the stages that write them compute them."""
    vote(atlas, taxonomy=taxonomy, settings=SETTINGS)
    label(atlas, taxonomy=taxonomy, settings=SETTINGS)
    rows = atlas.read(["id", "label"]).to_pylist()
    return {row["id"]: row["label"] or "" for row in rows}


@pytest.mark.parametrize(
    "changes",
    [
        [PhraseChange(rule_of("galaxy"), "fluffball", True)],
        [PhraseChange(rule_of("galaxy"), "sombrero", True)],
        [PhraseChange(rule_of("comet"), "comet", False), PhraseChange("ignore", "field*", True)],
        [PhraseChange("search:nebula", "sombrero", True)],
        [PhraseChange(rule_of("star"), "nowhere to be found", True)],
    ],
)  # fmt: skip
def test_the_count_is_what_labelling_by_the_changed_taxonomy_changes(tmp_path, changes):
    made = Atlas.create(tmp_path / "atlas")
    made.add([make_arrival(at, title=title) for at, title in enumerate(TITLES)])
    found = effects_of(sample_texts(made), SIX, changes, settings=SETTINGS)
    before = labels(made, SIX)
    after = labels(made, with_changes(SIX, changes))
    moved = {id_: (before[id_], after[id_]) for id_ in before if before[id_] != after[id_]}
    assert found.changed == len(moved)
    assert {id_: move for move, ids in found.examples.items() for id_ in ids} == moved
    assert (found.sampled, found.records) == (len(TITLES), len(TITLES))


def test_each_change_is_counted_alone_and_a_moved_phrase_only_with_its_partner(atlas):
    moved = [
        PhraseChange(rule_of("comet"), "comet", False),
        PhraseChange(rule_of("galaxy"), "comet", True),
        PhraseChange(rule_of("galaxy"), "fluffball", True),
    ]
    found = effects_of(sample_texts(atlas), SIX, moved, settings=SETTINGS)
    alone = [
        effects_of(sample_texts(atlas), SIX, [each], settings=SETTINGS).changed
        for each in (moved[0], moved[2])
    ]
    assert found.each == (alone[0], None, alone[1])
    assert all(alone)


def test_what_people_have_judged_is_counted_apart(tmp_path):
    made = Atlas.create(tmp_path / "atlas")
    made.add([make_arrival(at, title="fluffball") for at in range(4)])
    kinds = pa.table({"id": sorted(made.ids()), "label_kind": ["checked", *["computed"] * 3]})
    made.replace_columns(kinds, ColumnProvenance("labels"))
    change = PhraseChange(rule_of("galaxy"), "fluffball", True)
    found = effects_of(sample_texts(made), SIX, [change], settings=SETTINGS)
    assert (found.moves, found.judged, found.each) == ({("", "galaxy"): 3}, 1, (3,))


def test_of_a_large_atlas_a_draw_is_looked_at_which_says_its_size(atlas, monkeypatch):
    few = sample_texts(atlas, most=4)
    assert (len(few), few.records) == (4, len(TITLES))
    assert few.ids == sample_texts(atlas, most=4).ids != sample_texts(atlas, most=4, seed=1).ids
    # A change that concerns every record is tried on fewer of them.
    monkeypatch.setattr(phrase_effects, "MOST_VOTES", 9)
    change = PhraseChange("search:nebula", "sombrero", True)
    found = effects_of(sample_texts(atlas), SIX, [change], settings=SETTINGS)
    assert found.sampled == 4


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (PhraseChange("rule:999", "dust", True), "no place"),
        (PhraseChange("rule:-1", "dust", True), "no place"),
        (PhraseChange("search:<b>", "dust", True), "no place"),
        (PhraseChange("ignore", "not there at all", False), "not there"),
        (PhraseChange("ignore", SIX.ignore[0], True), "is there"),
        (PhraseChange("ignore", " ", True), "is no phrase"),
        (PhraseChange("ignore", "a" + "*" * 60 + "!", True), "is no phrase"),
        (PhraseChange("search:comet", "galaxy", True), "belongs to both"),
        (PhraseChange(rule_of("galaxy"), "nebula", True), "speaks for both"),
    ],
)
def test_changes_that_cannot_be_made_say_why(change, words):
    with pytest.raises(TaxonomyError, match=words):
        with_changes(SIX, [change])


@pytest.mark.parametrize("name", [None, *shipped_taxonomies()])
def test_a_copy_holds_the_changes_and_keeps_the_rest_of_the_text(name, tmp_path):
    base, text = load_taxonomy(name), taxonomy_text(name)
    random = np.random.default_rng(0)
    changes = [PhraseChange("ignore", 'odd "phrase" \\ é', True)]
    changes += [PhraseChange(f"search:{each}", f"one more {each}", True) for each in base.names]
    for at, rule in enumerate(base.rules):
        changes.append(PhraseChange(f"rule:{at}", f"phrase {at}", True))
        changes.append(PhraseChange(f"rule:{at}", str(random.choice(rule.phrases)), False))
    written = changed_text(text, base, changes)
    place = tmp_path / "mine.toml"
    place.write_text(written, "utf-8")
    assert load_taxonomy(place) == with_changes(base, changes)
    assert tomllib.loads(written)
    comments = [line for line in text.splitlines() if line.startswith("#")]
    assert [line for line in written.splitlines() if line.startswith("#")] == comments


def test_a_file_that_was_changed_meanwhile_is_told():
    with pytest.raises(TaxonomyError, match="has changed since"):
        changed_text(taxonomy_text("galaxy-zoo-1"), SIX, [])
