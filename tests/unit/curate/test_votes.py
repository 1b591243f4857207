"""Voters say what they know, nothing else, and a taxonomy of other classes works as well."""

from __future__ import annotations

import pytest

from cosmic_morphology.curate.text.object_names import objects_in
from cosmic_morphology.curate.votes.cast import labels_of_voter, vote
from cosmic_morphology.curate.votes.voters import VOTERS, SourceText
from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

SIX = load_taxonomy()
MORPHOLOGY = Taxonomy.model_validate(
    {
        "reject": "not a galaxy",
        "classes": [
            {"name": name, "search": [name]}
            for name in (
                *("smooth round", "smooth oval", "cigar", "edge-on disk", "barred spiral"),
                *("tight spiral", "loose spiral", "merger", "disturbed", "ring"),
            )
        ],
    }
)


def votes(voter: str, taxonomy: Taxonomy = SIX, **said: object) -> dict[str, float]:
    return {each.label: each.weight for each in VOTERS[voter](SourceText(**said), taxonomy)}


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("67P/Churyumov-Gerasimenko", "comet"),
        ("C/2020 F3", "comet"),
        ("12P/Pons-Brooks", "comet"),
        ("M 31", "galaxy"),
        ("m31", "galaxy"),
        ("Messier 13", "star"),
        ("NGC 1952", "nebula"),
        ("ngc5907", "galaxy"),
        ("IC 434", "nebula"),
        ("Sh2-155", "nebula"),
        ("M2-9", "nebula"),
        ("Abell 2666", "galaxy"),
        ("(433) Eros", "asteroid"),
        ("2012 DA14", "asteroid"),
        ("Ganymede", "irrelevant"),
        ("Saturn", "planet"),
        ("Pluto", "planet"),
        ("Ceres", "asteroid"),
    ],
)
def test_an_object_name_is_known_for_what_it_is(name, label):
    assert set(votes("object_name", title=name)) == {label}


@pytest.mark.parametrize("text", ["1080p video", "M1.5 flare", "In 2012, 40 people", "ICE 3000"])
def test_what_only_looks_like_a_designation_is_none(text):
    assert objects_in(text) == []


def test_no_catalogue_number_has_two_classes():
    import tomllib
    from importlib import resources

    text = resources.files("cosmic_morphology.curate.text").joinpath("objects.toml").read_text()
    for table in tomllib.loads(text)["numbered"]:
        owner: dict[int, str] = {}
        for kind, ranges in table["kinds"].items():
            for part in ranges.split():
                first, _, last = part.partition("-")
                for number in range(int(first), int(last or first) + 1):
                    family = kind.partition(".")[0]
                    assert owner.setdefault(number, family) == family, (table["catalogue"], number)


def test_every_messier_and_caldwell_number_is_known():
    for catalogue, last in (("Messier", 110), ("Caldwell", 109)):
        for number in range(1, last + 1):
            assert objects_in(f"{catalogue} {number}"), f"{catalogue} {number}"


def test_a_mention_is_not_an_image_of_it():
    said = {"title": "A storm", "description": "It is bigger than planet Earth. Not a comet."}
    assert "comet" not in votes("text", **said)
    assert "planet" not in votes("text", **said)


def test_an_artists_concept_of_a_galaxy_speaks_for_rejection():
    found = votes("title", title="Spiral Galaxy (Artist's Concept)")
    assert found["irrelevant"] > 0.9


def test_search_words_are_weak_and_one_for_each_search():
    assert votes("search_word", queries=("nasa:comet", "nasa:star")) == {
        "comet": 0.41,
        "star": 0.41,
    }


def test_without_a_recorded_search_the_text_says_what_a_search_would_find():
    found = votes("search_word", title="Two Galaxies", description="Stars are born there.")
    assert set(found) == {"galaxy", "star"}


def test_avm_codes_are_gold_and_a_reject_code_wins():
    assert votes("avm", subjects=("C.5.1.1",)) == {"galaxy": 0.99}
    assert votes("avm", subjects=("5", "8.1")) == {"irrelevant": 0.99}


def test_a_folder_label_is_a_weak_vote_and_a_folder_name_is_understood():
    assert votes("folder", given_label="galaxy") == {"galaxy": 0.66}
    assert set(votes("folder", image_url="training/saturn/026.jpg")) == {"planet"}
    assert votes("folder", image_url="https://images.example/planet/1.jpg") == {}


def test_empty_and_foreign_texts_are_an_abstention_not_an_error():
    assert all(not voter(SourceText(), SIX) for voter in VOTERS.values())
    japanese = SourceText(title="夜空の写真", description="星がきれいです。")
    assert all(not voter(japanese, SIX) for voter in VOTERS.values())
    assert set(votes("title", title="La nébuleuse d'Orion")) == {"nebula"}


def test_ten_galaxy_morphologies_work_by_their_search_words():
    assert set(votes("title", MORPHOLOGY, title="A barred spiral in Fornax")) == {"barred spiral"}
    assert votes("object_name", MORPHOLOGY, title="M 31") == {}


def test_overlapping_words_and_unknown_classes_in_a_taxonomy_are_named():
    classes = [{"name": "comet"}, {"name": "star"}]
    rule = {"where": ["title"], "weight": 0.8, "phrases": ["coma"]}
    with pytest.raises(ValueError, match="'coma' in 'title' speaks for both 'comet' and 'star'"):
        Taxonomy.model_validate(
            {"classes": classes, "rules": [rule | {"label": "comet"}, rule | {"label": "star"}]}
        )
    with pytest.raises(ValueError, match="'quasar', which is not a class"):
        Taxonomy.model_validate({"classes": classes, "rules": [rule | {"label": "quasar"}]})


def test_a_taxonomy_file_with_overlapping_words_names_the_file(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text(
        '[[classes]]\nname = "a"\nsearch = ["x"]\n[[classes]]\nname = "b"\nsearch = ["X"]\n'
    )
    with pytest.raises(TaxonomyError, match=r"mine\.toml"):
        load_taxonomy(file)


def test_votes_are_stored_once_and_again_when_the_taxonomy_changes(atlas, arrival):
    atlas.add([arrival(1, title="Comet 67P"), arrival(2, title="", queries=())])
    first = vote(atlas, taxonomy=SIX, settings=CurateSettings())
    assert (first.filled, first.already_there, first.silent) == (2, 0, 1)
    assert first.votes["title"] == 1
    again = vote(atlas, taxonomy=SIX, settings=CurateSettings())
    assert (again.filled, again.already_there) == (0, 2)
    assert vote(atlas, taxonomy=MORPHOLOGY, settings=CurateSettings()).filled == 2


def test_a_voter_can_be_left_out(atlas, arrival):
    atlas.add([arrival(1, title="Comet 67P", queries=("nasa:comet",))])
    settings = CurateSettings(votes={"disabled": ("search_word",)})
    assert "search_word" not in vote(atlas, taxonomy=SIX, settings=settings).votes


def test_the_label_of_one_voter_is_stable_and_favours_no_class():
    tie = [
        {"voter": "search_word", "label": label, "weight": 0.41, "reason": ""}
        for label in ("comet", "star")
    ]
    ids = [f"nasa:{n}" for n in range(200)]
    labels = labels_of_voter([tie] * 200, "search_word", ids=ids)
    assert labels == labels_of_voter([tie] * 200, "search_word", ids=ids)
    assert 60 < labels.count("comet") < 140
    assert labels_of_voter([tie, None], "title") == ["", ""]
