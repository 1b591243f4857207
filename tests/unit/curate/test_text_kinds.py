# ruff: noqa: E501 - a record is a line
"""What records say, by kind: sentences written for this test, as archives write them."""

from __future__ import annotations

import pytest

from cosmic_morphology.curate.text.owners import without_hosts
from cosmic_morphology.curate.text.subject import subject_of
from cosmic_morphology.curate.votes.label_model import naive_bayes_label_model
from cosmic_morphology.curate.votes.voters import SourceText, find_voters
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

SIX = load_taxonomy()
CLASSES = SIX.names_with_reject
NO = SIX.reject

KINDS = {
    "simulations and visualisations": [
        ("Galaxies Collide", "This simulation shows two spiral galaxies as they merge over a billion years.", NO),
        ("A Black Hole's Bent Light", "This visualization shows how a disk of gas around a black hole would look.", NO),
        ("Cosmic Web", "A supercomputer simulation follows how galaxies form along filaments of dark matter.", NO),
        ("Numerical Simulation of a Supernova", "Colours show the temperature of the gas in the collapsing star.", NO),
        ("Flight to the Pillars of Creation", "A scientific visualization lets viewers fly through the Eagle Nebula.", NO),
        ("A Planet Around a Red Dwarf", "The featured illustration imagines the surface of the planet.", NO),
        ("Spiral Galaxy M101", "The arms of this spiral galaxy are wide. Simulations of such arms take weeks.", "galaxy"),
    ],
    "people, instruments, missions and dates beside an object's name": [
        ("NGC 4038 by the Hubble Team's Engineer", "Two spiral galaxies merge.", "galaxy"),
        ("Hubble's 25th Anniversary Image: Westerlund 2", "A star cluster of 3,000 stars.", "star"),
        ("Messier 57 from the Gemini Observatory", "A shell of glowing gas around a dying star.", "nebula"),
        ("NGC 6302: Astronaut-Repaired Camera's First Image", "The wings of a planetary nebula.", "nebula"),
        ("Expedition to Messier 33", "The spiral galaxy in Triangulum, three million light-years away.", "galaxy"),
        ("Scientists Find Jets in NGC 5128", "An elliptical galaxy crossed by dust, with jets from its core.", "galaxy"),
        ("Rosetta Spacecraft: Comet 67P from 30 km", "Jets of dust rise from the comet's nucleus.", "comet"),
        ("Engineers Prepare the Spacecraft", "Technicians in the clean room fold the solar panels of the orbiter.", NO),
        ("Astronaut on a Spacewalk", "An astronaut repairs the outside of the International Space Station.", NO),
        ("The Director Visits the Laboratory", "Employees show the administrator a model of the lander.", NO),
    ],
    "an object inside another": [
        ("N44 in the Large Magellanic Cloud", "A bubble of glowing gas blown by massive stars.", "nebula"),
        ("Star Cluster NGC 1850 in the Large Magellanic Cloud", "A dense star cluster, with thousands of stars.", "star"),
        ("NGC 604 in the Triangulum Galaxy", "A giant emission nebula where stars are born.", "nebula"),
        ("A Supernova in NGC 2525", "The star at the edge of the spiral galaxy outshines it.", "galaxy"),
        ("Ithaca Chasma on Tethys", "A valley on one of Saturn's icy moons, seen by the Cassini spacecraft near Saturn.", NO),
        ("Jupiter's Moon Callisto", "The most cratered body near Jupiter, seen by the Galileo spacecraft.", NO),
        ("Ice Cliffs on Saturn's Dione", "A flyby of Saturn's moon by the Cassini spacecraft.", NO),
        ("A New Moon Found Orbiting Uranus", "The small moon is the dot in the circle.", NO),
        ("The Great Red Spot on Jupiter", "Clouds around the storm on the largest planet.", "planet"),
    ],
    "words with an everyday meaning": [
        ("Galaxy Phone Takes Off", "The company showed its new mobile to the press at a conference.", NO),
        ("Wild Duck Cluster, Messier 11", "A rich open star cluster, with blue stars.", "star"),
        ("Christmas Tree Cluster", "An open cluster of blue stars.", "star"),
        ("Seagull Nebula", "Dust clouds and glowing gas in the shape of a bird.", "nebula"),
        ("A Jupiter-C Rocket on Its Launch Pad", "The rocket carried the first American satellite.", NO),
        ("Mercury Astronauts", "The seven astronauts of Project Mercury in their spacesuits.", NO),
        ("Nebula Award Ceremony", "Writers at the conference hold their awards.", NO),
        ("Star Party", "Visitors look through amateurs' instruments on a mountain.", NO),
        ("Shooting Stars over a Lake", "A meteor shower reflected in the lake on a clear night.", NO),
        ("Pollux and Castor, Stars of Gemini", "The two bright stars differ in colour: one is a red giant.", "star"),
        ("Apollo Asteroid Toutatis", "Radar images of the near-Earth asteroid, two lobes in contact.", "asteroid"),
    ],
    "supernovae and remnants": [
        ("Supernova 1987A", "Rings of gas around an exploded star.", "nebula"),
        ("Tycho's Supernova Remnant", "An expanding debris cloud glows in X-rays.", "nebula"),
        ("The Blast Wave of SN 1006", "Filaments of the expanding shell of an exploded star.", "nebula"),
        ("SN 2014J in the Cigar Galaxy", "The exploding star appeared in a nearby galaxy.", "galaxy"),
        ("Remains of a Star", "A cloud of debris expands from a star that exploded 11,000 years ago.", "nebula"),
    ],
    "diffuse backgrounds and maps of the whole sky": [
        ("The Cosmic Microwave Background", "Temperatures of the early universe, as the satellite mapped them.", NO),
        ("The Gamma-Ray Sky", "This all-sky map shows pulsars, galaxies and the plane of the Milky Way.", NO),
        ("A Map of the Infrared Sky", "The entire sky in galactic coordinates, galaxies as bright dots.", NO),
        ("X-ray Background", "A diffuse glow that thousands of distant galaxies add up to.", NO),
    ],
    "solar activity": [
        ("Coronal Loops", "Loops of hot plasma arch over an active region.", "star"),
        ("Active Region 12673", "A group of sunspots that sent out four flares.", "star"),
        ("Coronal Mass Ejection", "The Solar Dynamics Observatory saw plasma leave the Sun.", "star"),
        ("A Coronal Hole Opens", "The dark area on the Sun lets the solar wind out.", "star"),
        ("Parker Solar Probe Is Fuelled", "Technicians fuel the spacecraft in a clean room before its launch.", NO),
        ("Solar Panels", "Engineers unfold the solar arrays of the satellite.", NO),
    ],
    "Earth scenes": [
        ("Phytoplankton in the Barents Sea", "MODIS on the Aqua satellite saw a bloom along the coast of Norway.", NO),
        ("Hurricane from Orbit", "The eye of the storm on planet Earth, as seen from the International Space Station.", NO),
        ("The Nile at Night", "City lights follow the river; an astronaut took the photograph.", NO),
        ("Sea Ice off Greenland", "Landsat acquired this view of floes in the Gulf of Bothnia.", NO),
        ("Star Trails above an Old Church", "Forty exposures with a camera on a tripod, with mountains at the horizon.", NO),
        ("Sun Pillar", "Ice crystals in cold air reflect the light of the rising Sun.", NO),
        ("Venus and Jupiter after Sunset", "Two bright planets low in the western sky, over a windmill.", NO),
        ("Ash Plume", "Wind drives ash from the volcano to the sea.", NO),
    ],
}  # fmt: skip


def said(title: str, description: str, taxonomy: Taxonomy = SIX) -> tuple[str, float]:
    text = SourceText(title=title, description=description)
    votes = [one.row() for voter in find_voters().values() for one in voter(text, taxonomy)]
    likely = naive_bayes_label_model([votes], taxonomy.names_with_reject)[0]
    return taxonomy.names_with_reject[likely.argmax()], float(likely.max())


@pytest.mark.parametrize(
    ("title", "description", "label"),
    [
        pytest.param(*each, id=f"{kind}: {each[0]}")
        for kind, found in KINDS.items()
        for each in found
    ],
)
def test_a_record_is_told_by_its_kind(title, description, label):
    found, sure = said(title, description)
    assert (found, sure >= 0.65) == (label, True), (found, sure)


@pytest.mark.parametrize(
    ("title", "label"),
    [
        ("Dust in NGC 613", "galaxy"),
        ("NGC 613 and Messier 42", None),  # two classes
        ("Io and Jupiter", None),
        ("Saturn at Night", None),  # planets are named in texts that show something else
        ("Mimas in the Light of Saturn", None),
        ("Mimas", NO),
        ("A Hike", None),
    ],
)
def test_the_subject_is_the_object_that_the_title_names(title, label):
    found = subject_of(title, SIX)
    assert (found.label if found else None) == label


def test_words_give_way_to_a_name_within_their_realm_only():
    galaxy = subject_of("NGC 613", SIX)
    assert galaxy.outvotes("nebula", SIX)
    assert not galaxy.outvotes("comet", SIX)  # it may pass in front
    assert not galaxy.outvotes("galaxy", SIX)
    assert not galaxy.outvotes(NO, SIX)
    cluster = subject_of("Messier 45", SIX)
    assert not cluster.outvotes("nebula", SIX)  # it lies in one


def test_hosts_are_taken_out_of_titles_of_nebulae_and_clusters_only():
    assert "magellanic" not in without_hosts("Emission Nebula N11 in the Large Magellanic Cloud")
    for kept in ("A Nova in Andromeda", "A Black Hole in Messier 87", "Stars of Messier 31"):
        assert without_hosts(kept) == kept


def test_a_taxonomy_without_codes_has_no_subjects_and_still_votes():
    mine = Taxonomy.model_validate(
        {"classes": [{"name": name, "search": [name]} for name in ("spiral", "elliptical")],
         "reject": "other"}
    )  # fmt: skip
    assert subject_of("NGC 613, a spiral", mine) is None
    assert said("NGC 613, a spiral", "", mine)[0] == "spiral"
