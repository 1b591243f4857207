"""Names that say what an image is not give no class a vote."""

from __future__ import annotations

import pytest

from cosmic_morphology.curate.votes.voters import VOTERS, SourceText
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy

SIX = load_taxonomy()
FORMS = (
    "not_{0}", "non-{0}", "no_{0}", "{0}_no", "{0}_not", "Not{1}", "non{0}", "not{0}", "no {0}",
    "not a {0}", "not-a-{0}", "NOT_{2}", "not.{0}", "no__{0}", "isnt_{0}", "isn't {0}", "!{0}",
    "~{0}", "{0} (no)", "without_{0}", "{0}_false", "negative_{0}", "{0}-negatives", "kein_{0}",
    "nicht_{0}", "sans-{0}", "geen_{0}", "anything_but_{0}", "other than {0}",
    "unlike_{0}",
)  # fmt: skip


def classes_named(said: SourceText, taxonomy: Taxonomy = SIX) -> set[str]:
    votes = (vote for one in VOTERS.values() for vote in one(said, taxonomy))
    return {vote.label for vote in votes} - {taxonomy.reject}


@pytest.mark.parametrize("name", SIX.names)
@pytest.mark.parametrize("form", FORMS)
def test_a_negated_name_votes_for_no_class_wherever_it_stands(form: str, name: str) -> None:
    text = form.format(name, name.title(), name.upper())
    for said in (
        SourceText(given_label=text),
        SourceText(image_url=f"/data/{text}/0001.jpg"),
        SourceText(title=text),
        SourceText(title=f"{text}.jpg"),
    ):
        assert classes_named(said) == set()


@pytest.mark.parametrize("name", ["not_M31", "no-jupiter", "non_67P"])
def test_a_negated_object_is_no_object(name: str) -> None:
    assert (
        classes_named(SourceText(given_label=name))
        == classes_named(SourceText(title=name))
        == set()
    )


@pytest.mark.parametrize(
    ("title", "named"),
    [
        ("Comet No. 5", "comet"),
        ("galaxy_no_12", "galaxy"),
        ("False colour image of a galaxy", "galaxy"),
        ("A galaxy without dark matter", "galaxy"),
        ("This is not a comet but a distant galaxy", "galaxy"),
    ],
)
def test_what_is_no_negation_still_votes(title: str, named: str) -> None:
    assert classes_named(SourceText(title=title)) == {named}


def test_a_class_that_is_called_so_is_found() -> None:
    own = Taxonomy(classes=(SkyClass(name="non-spiral"), SkyClass(name="spiral")))
    assert classes_named(SourceText(given_label="Non-spiral"), own) == {"non-spiral"}
