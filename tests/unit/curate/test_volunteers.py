"""Shares of volunteers: from answers to classes, to votes, and to a label that keeps them."""

from __future__ import annotations

import pytest

from cosmic_morphology.curate.votes.base import SourceText
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.source_voters import volunteers_votes
from cosmic_morphology.curate.votes.voter_accuracy import reweighted
from cosmic_morphology.errors import TaxonomyError
from cosmic_morphology.settings import load_settings
from cosmic_morphology.stats.volunteers import shares_of_classes
from cosmic_morphology.taxonomy import load_taxonomy, shipped_taxonomies

ZOO2 = {
    "smooth-or-featured_smooth": 0.2,
    "smooth-or-featured_featured-or-disk": 0.7,
    "smooth-or-featured_artifact": 0.1,
    "how-rounded_round": 0.5,
    "how-rounded_in-between": 0.5,
    "how-rounded_cigar-shaped": 0.0,
    "disk-edge-on_yes": 0.0,
    "disk-edge-on_no": 1.0,
    "bar_yes": 0.25,
    "bar_no": 0.75,
    "has-spiral-arms_yes": 0.8,
    "has-spiral-arms_no": 0.2,
}


def vote(label: str, weight: float, people: int | None = None) -> dict:
    voter = "volunteers" if people else "folder"
    return {"voter": voter, "label": label, "weight": weight, "reason": "", "people": people}


def test_a_leaf_of_the_tree_has_the_product_of_the_fractions_on_its_way():
    found = shares_of_classes(ZOO2, load_taxonomy("galaxy-zoo-2"))
    assert found["barred spiral"] == pytest.approx(0.7 * 0.25 * 0.8)
    assert found["round smooth galaxy"] == pytest.approx(0.1)
    assert found["star or artifact"] == pytest.approx(0.1)
    assert sum(found.values()) == pytest.approx(1.0)


def test_a_merger_takes_its_share_first_and_the_others_share_the_rest():
    odd = ZOO2 | {"something-odd_yes": 0.5, "odd-feature_merger": 0.8}
    found = shares_of_classes(odd, load_taxonomy("galaxy-morphology"))
    assert found["merger"] == pytest.approx(0.4)
    assert found["spiral"] == pytest.approx(0.7 * 0.8 * 0.6)
    assert sum(found.values()) == pytest.approx(1.0)


def test_both_directions_of_spirals_are_spirals():
    said = {"shape_clockwise-spiral": 0.3, "shape_anticlockwise-spiral": 0.6,
            "shape_merger": 0.1}  # fmt: skip
    found = shares_of_classes(said, load_taxonomy("galaxy-morphology"))
    assert found["spiral"] == pytest.approx(0.9)
    assert found["merger"] == pytest.approx(0.1)


def test_answers_that_lead_nowhere_are_no_opinion():
    first_question_alone = {each: ZOO2[each] for each in list(ZOO2)[:3]}
    assert shares_of_classes(first_question_alone, load_taxonomy("galaxy-zoo-2")) == {}
    assert shares_of_classes({}, load_taxonomy("galaxy-zoo-2")) == {}
    assert shares_of_classes(ZOO2, load_taxonomy()) == {}


def test_votes_say_how_many_people_they_are_of():
    answers = tuple(
        {"answer": each, "fraction": share, "people": 40} for each, share in ZOO2.items()
    )
    votes = volunteers_votes(SourceText(answers=answers), load_taxonomy("galaxy-morphology"))
    assert (votes[0].label, votes[0].people) == ("spiral", 40)
    assert votes[0].weight == pytest.approx(0.56)
    assert votes[0].reason == "56% of 40 volunteers"


def test_the_label_model_keeps_the_disagreement_and_others_count_as_one_person():
    classes = ("spiral", "elliptical", "other")
    shares = [vote("spiral", 0.6, 40), vote("elliptical", 0.4, 40)]
    alone, opposed, few = naive_bayes_label_model(
        [
            shares,
            [*shares, vote("other", 0.98)],
            [vote("spiral", 0.6, 1), vote("elliptical", 0.4, 1), vote("other", 0.98)],
        ],
        classes,
    )
    assert alone == pytest.approx([(40 * 0.6 + 1 / 3) / 41, (40 * 0.4 + 1 / 3) / 41, 1 / 123])
    assert opposed[2] < 1 / 41
    assert opposed.argmax() == 0
    assert few[2] > 0.4


def test_verdicts_on_others_leave_the_shares_of_people_as_they_are():
    found = {("volunteers", "zoo", "spiral"): {"elliptical": 30}}
    shares = [vote("spiral", 0.6, 40), vote("elliptical", 0.4, 40)]
    assert reweighted([shares], ["a"], ["zoo"], {}, found, 3) == [shares]


@pytest.mark.parametrize("name", shipped_taxonomies())
def test_a_shipped_taxonomy_is_asked_for_by_its_name_alone(name, tmp_path):
    (tmp_path / "cosmic.toml").write_text(f'taxonomy = "{name}"\n', "utf-8")
    taxonomy = load_taxonomy(load_settings(tmp_path / "cosmic.toml").taxonomy)
    assert all(taxonomy.ways_to(each) for each in taxonomy.names_with_reject)


def test_the_decision_tree_has_the_questions_of_galaxy_zoo_2():
    tree = load_taxonomy("galaxy-zoo-2").questions
    assert len(tree) == 11
    assert sum(len(each.answers) for each in tree) == 37


@pytest.mark.parametrize(
    ("was", "becomes", "told"),
    [
        ('"disk-edge-on_no", "bar_yes"', '"bar_yes"', "no way through the questions"),
        ('smooth = "how-rounded"', 'smooth = "how-round"', "'how-round', which is no question"),
        ('"how-rounded_round"', '"how-rounded_square"', "no way through the questions"),
    ],
)
def test_a_way_that_does_not_follow_the_tree_is_refused(tmp_path, was, becomes, told):
    from importlib import resources

    text = (resources.files("cosmic_morphology") / "taxonomies/galaxy-zoo-2.toml").read_text()
    assert was in text
    (tmp_path / "mine.toml").write_text(text.replace(was, becomes, 1), "utf-8")
    with pytest.raises(TaxonomyError, match=told):
        load_taxonomy(tmp_path / "mine.toml")


def test_a_mirror_must_be_mutual(tmp_path):
    (tmp_path / "mine.toml").write_text(
        '[[classes]]\nname = "left"\nmirror = "right"\n[[classes]]\nname = "right"\n', "utf-8"
    )
    with pytest.raises(TaxonomyError, match="not mirrored by it"):
        load_taxonomy(tmp_path / "mine.toml")


def test_a_name_that_is_not_shipped_is_told_with_those_that_are():
    with pytest.raises(TaxonomyError, match="galaxy-morphology"):
        load_taxonomy("galaxy-morphologie")
