"""A flag needs evidence and gives it as its reason, whatever the taxonomy."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.curate import check_relevance, label, vote
from cosmic_morphology.curate.votes import voters
from cosmic_morphology.curate.votes.base import SourceText
from cosmic_morphology.settings import CurateSettings
from cosmic_morphology.taxonomy import SkyClass, Taxonomy, load_taxonomy


def taxonomy_of(*names: str, reject: str = "irrelevant", **search: tuple[str, ...]) -> Taxonomy:
    classes = (SkyClass(name=name, search=search.get(name, (name,))) for name in names)
    return Taxonomy(reject=reject, classes=tuple(classes))


EDGES = ("edge-on", "face-on", "spiral", "elliptical", "flocculent")
TAXONOMIES = {
    "four": taxonomy_of("spiral", "elliptical", "irregular", "merger"),
    "ten": taxonomy_of("barred", "ring", "lenticular", "dwarf", "merging", *EDGES),
    "two": taxonomy_of("spiral", "elliptical"),
    "German": taxonomy_of(
        "spirale",
        "ellipse",
        "balken",
        reject="anderes",
        spirale=("Spiralgalaxie", "Spirale"),
        ellipse=("elliptische Galaxie",),
        balken=("Balkenspirale",),
    ),
    "of the package": load_taxonomy(),
}
KINDS = ("spiral galaxy", "elliptical galaxy", "galaxy", "Spiralgalaxie", "island universe")
ABOUT = (
    "This {} lies {} million light-years away in the constellation Virgo. Hubble's Wide Field "
    "Camera took it in five filters; the dust lanes and the young blue clusters of its disk are "
    "seen in the light of hydrogen, and many fainter galaxies shine through from behind."
)
GALAXIES = [
    (f"NGC {1000 + 7 * n}, a {KINDS[n % 5]}", ABOUT.format(KINDS[n % 5], n + 20)) for n in range(40)
]
JUNK = [
    ("Chart of galaxy distances", "The graph shows how fast galaxies recede."),
    ("Diagram of the tuning fork", "This diagram orders galaxies by their form."),
    ("Infographic: how galaxies grow", "Steps from clouds of gas to disks."),
    ("Rotation curve of NGC 3198", "Speed against radius, with the model of the dark halo."),
    ("Hubble diagram of 2019", "Points of the survey with their error bars."),
    ("Schematic of a barred disk", "Arms, bar and bulge are marked."),
    ("Luminosity function", "The above plot gives numbers of galaxies by magnitude."),
    ("Poster: galaxies of the sky", "For the classroom."),
    ("Logo of the galaxy survey", "For use on slides."),
    ("Portrait of Vera Rubin", "She measured how galaxies turn."),
    ("Astronaut portrait", "The crew member before the flight to the telescope."),
    ("Edwin Hubble, astronomer", "At the 100-inch telescope, around 1930."),
    ("Group photo at the galaxy meeting", "Participants on the stairs."),
    ("Dr. Henrietta Swope at her desk", "She was born in 1902."),
    ("Students at the telescope", "They learn to focus on a galaxy."),
]


def curated(atlas: Atlas, taxonomy: Taxonomy) -> dict[str, dict[str, object]]:
    settings = CurateSettings()
    vote(atlas, taxonomy=taxonomy, settings=settings)
    label(atlas, taxonomy=taxonomy, settings=settings)
    check_relevance(atlas, taxonomy=taxonomy, settings=settings)
    names = ["id", "relevance_score", "relevance_flag", "relevance_reason"]
    return {row["id"]: row for row in atlas.read(names).to_pylist()}


@pytest.mark.parametrize("name", TAXONOMIES)
def test_junk_is_flagged_with_a_reason_and_galaxies_are_not(atlas, arrival, name):
    texts = GALAXIES + JUNK
    atlas.add([arrival(n, title=title, description=said) for n, (title, said) in enumerate(texts)])
    rows = curated(atlas, TAXONOMIES[name])
    flagged = {each for each, row in rows.items() if row["relevance_flag"]}
    junk = {f"nasa:x{n:03d}" for n in range(len(GALAXIES), len(texts))}
    assert len(flagged & junk) >= 10
    assert len(flagged - junk) <= 4
    assert all(rows[each]["relevance_reason"] for each in flagged)


@pytest.mark.parametrize("name", TAXONOMIES)
def test_a_low_score_alone_flags_nothing(atlas, arrival, name):
    weak = next(iter(TAXONOMIES[name].class_of_word))
    atlas.add([arrival(n, title="", description=f"Seen there: {weak}.") for n in range(10)])
    assert not any(row["relevance_flag"] for row in curated(atlas, TAXONOMIES[name]).values())


@pytest.mark.parametrize("name", TAXONOMIES)
def test_one_dropped_image_flags_no_other(atlas, arrival, name):
    given = TAXONOMIES[name].names[0]
    atlas.add([arrival(n, title="", given_label=given, collection="mine") for n in range(20)])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    verdict = {"id": "nasa:x003", "verdict": "drop", "label": "", "who": "ada", "at": at, "why": ""}
    atlas.append_decisions([verdict])
    rows = curated(atlas, TAXONOMIES[name])
    assert {each for each, row in rows.items() if row["relevance_flag"]} <= {"nasa:x003"}


def test_many_dropped_images_of_a_folder_are_evidence_against_the_others(atlas, arrival):
    atlas.add([arrival(n, title="", given_label="star", collection="raw") for n in range(20)])
    at = datetime(2026, 1, 1, tzinfo=UTC)
    atlas.append_decisions(
        [
            {"id": f"nasa:x{n:03d}", "verdict": "drop", "label": "", "who": "ada"}
            | {"at": at, "why": ""}
            for n in range(8)
        ]
    )
    rows = curated(atlas, load_taxonomy())
    others = [rows[f"nasa:x{n:03d}"] for n in range(8, 20)]
    assert all(row["relevance_flag"] and row["relevance_reason"] for row in others)


def test_a_recorded_search_word_is_no_class_that_the_record_names():
    text = (
        "The team of the flight center met in the hall on Tuesday to speak about the plans for "
        "the coming year, and the visitors from the school were shown the rooms where the parts "
        "of the instrument are put together and tested."
    )
    package = load_taxonomy()
    bare = voters.no_class_named_votes(SourceText(description=text), package)
    found = voters.no_class_named_votes(
        SourceText(description=text, queries=("nasa:galaxy",)), package
    )
    assert [vote.label for vote in found] == ["irrelevant"]
    assert found == bare
