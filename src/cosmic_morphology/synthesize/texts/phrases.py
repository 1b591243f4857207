"""Sentences of the texts, by class: titles, leads, asides, keywords, and junk."""

from __future__ import annotations

TITLES: dict[str, tuple[str, ...]] = {
    "asteroid": (
        "Asteroid {name}", "{name} up Close", "Craters on Asteroid {name}", "{name}",
        "Approach to Asteroid {name}", "A Rubble World: {name}", "Surface of {name} from Orbit",
        "Boulders and Regolith of {name}", "Departing Asteroid {name}", "Portrait of {name}",
    ),
    "comet": (
        "Comet {name}", "{name}", "The Tails of Comet {name}", "Comet {name} at Dawn",
        "Comet {name} Brightens", "A Green Coma: {name}", "{name} Passing By",
        "Comet {name} in the North", "{name} near Perihelion", "A Visitor from Far Away",
    ),
    "galaxy": (
        "Galaxy {name}", "{name}", "{name}: A {sub}", "The {sub} {name}", "Island Universe {name}",
        "Hubble Views {name}", "The Outskirts of {name}", "A Cosmic Swirl: {name}",
        "{name} in Infrared", "Dust and Young Suns in {name}", "Looking Deep into {name}",
    ),
    "nebula": (
        "Nebula {name}", "{name}", "The {sub} {name}", "Inside {name}", "{name} in Three Colors",
        "Clouds of {name}", "The Glow of {name}", "A Stellar Nursery: {name}", "Shaping {name}",
        "Winds and Shadows in {name}", "Hydrogen and Oxygen in {name}", "Nebula {name} Unveiled",
    ),
    "planet": (
        "{name}", "{name} from Afar", "Clouds of {name}", "A View of {name}", "{name} in Color",
        "Crescent {name}", "Planet {name}", "The Many Faces of {name}", "Approaching {name}",
        "Full Disk {name}", "Storms and Seasons on {name}", "Shadows on {name}",
    ),
    "star": (
        "{name}", "The {sub} {name}", "Star Cluster {name}", "Jewels of {name}", "{name} Resolved",
        "Hubble Looks at {name}", "An Old Swarm: {name}", "A Crowded Field: {name}",
        "Blue and Gold: {name}", "Toward {name}", "Star {name}", "Deep in {name}",
    ),
}  # fmt: skip

LEADS: dict[str, tuple[str, ...]] = {
    "asteroid": (
        "This view of the asteroid {name} was taken by a spacecraft during its approach.",
        "The surface of {name} is covered by craters, boulders and fine regolith.",
        "Images show that {name} is a rubble pile that came together after a collision.",
        "The camera caught this asteroid from a distance of a few hundred kilometers.",
        "A sequence of exposures follows {name} as it turns once in a few hours.",
    ),
    "comet": (
        "The comet {name} shows a bright coma and a tail that points away from the Sun.",
        "Discovered last year, {name} has brightened on its way to perihelion.",
        "A dust tail and a faint ion tail stretch from the nucleus of {name}.",
        "This comet was followed for an hour while background stars drew short trails.",
        "Gas and dust stream off {name} in this composite of many exposures.",
    ),
    "galaxy": (
        "The {sub} {name} lies some tens of millions of light-years away.",
        "{name} is seen here in light from blue to near infrared.",
        "Dust lanes and clusters of young suns outline the disk of {name}.",
        "This {sub} has a bright core and faint outer parts.",
        "A deep exposure reveals the faint halo of {name}.",
    ),
    "nebula": (
        "Glowing gas and dark dust mark {name}, a {sub} in our part of the Milky Way.",
        "The {sub} {name} shines in the light of hydrogen and oxygen.",
        "Winds and radiation have carved the clouds of {name}.",
        "{name} was imaged through narrow filters that isolate the light of ionized gas.",
        "This nebula spans several light-years.",
    ),
    "planet": (
        "{name} was seen by the spacecraft from a distance of some million kilometers.",
        "This image of {name} combines exposures through three filters.",
        "Details in the atmosphere and on the surface of {name} stand out in this view.",
        "The planet {name} turned half in light and half in shadow.",
        "Observations of {name} continue a program of many years.",
    ),
    "star": (
        "The {sub} {name} is seen in visible light.",
        "Thousands of suns crowd together in {name}.",
        "{name} is a favorite target of small telescopes.",
        "Each point of light in this view is a star.",
        "Colors in {name} tell of temperature and age.",
    ),
}

ASIDES: dict[str, tuple[str, ...]] = {
    "any": (
        "The field of view is about as wide as the full Moon.",
        "The data were taken over several nights.",
        "North is up and east is to the left.",
        "Processing brought out faint details.",
        "A bright star near the edge shows diffraction spikes.",
        "The picture combines three filters.",
    ),
    "asteroid": (
        "It may be a fragment of a larger minor planet that broke up long ago.",
        "Some asteroids once were comets, and an old comet can look like this one.",
        "Such bodies are left over from the time when every planet formed.",
        "The spacecraft used a star tracker to point its camera.",
        "The mission will go on to a comet.",
    ),
    "comet": (
        "The nearby galaxy in the picture is millions of times farther away.",
        "It passed a planet on its way and will not come back for thousands of years.",
        "A star shines through the tail.",
        "Long ago it may have been deflected by a passing star.",
        "The nebula on the left lies far in the background.",
        "Its nucleus is about as large as a small asteroid.",
    ),
    "galaxy": (
        "A spiky star in the foreground belongs to our own Milky Way.",
        "Each star cluster along its arms is young and blue.",
        "Pink spots are places where a nebula surrounds newborn suns.",
        "A supernova was found here, the end of a massive star.",
        "Its satellite is smaller and has hardly any young star left.",
    ),
    "nebula": (
        "A massive star in the middle makes the gas glow.",
        "One star of the cluster will explode as a supernova one day.",
        "Our galaxy holds many such regions.",
        "A similar region in a neighboring galaxy is even larger.",
        "Around a young star there a planet may be forming.",
        "The dark globules look a bit like a comet.",
    ),
    "planet": (
        "A faint star can be seen near the limb.",
        "Craters there were made by asteroid and comet impacts.",
        "The largest asteroid is far smaller than this world.",
        "It does not shine like a star but reflects sunlight.",
        "Its history is tied to that of the other bodies of the Solar System.",
    ),
    "star": (
        "The cluster circles the center of our galaxy.",
        "It was once listed as a nebula without stars.",
        "A planet was found around one of its members.",
        "Faint wisps of a reflection nebula are left from its birth.",
        "The galaxy that it came from was torn apart long ago.",
        "Messier thought of a comet when he saw it first.",
    ),
}

KEYWORDS: dict[str, tuple[str, ...]] = {
    "any": ("astronomy", "space", "observation", "telescope", "solar system and beyond", "science"),
    "asteroid": ("asteroid", "small bodies", "craters", "regolith", "near-Earth object"),
    "comet": ("comet", "coma", "tail", "small bodies", "perihelion"),
    "galaxy": ("galaxy", "spiral", "extragalactic", "stars", "dust"),
    "nebula": ("nebula", "gas", "star formation", "interstellar medium", "stars"),
    "planet": ("planet", "atmosphere", "spacecraft", "solar system", "surface"),
    "star": ("star", "star cluster", "stellar population", "Milky Way", "photometry"),
    "irrelevant": ("mission", "launch", "people", "engineering", "outreach", "graphics"),
}

_LAUNCH = (
    ("Liftoff of the {Word} Explorer", "{Word} Mission Rises from the Pad",
     "Launch Day for {Word} Probe",
     "Rocket Launch at Dusk, KSC-{serial}"),
    ("A rocket lifts off from its launch pad with a probe that will study a {word}.",
     "The launch of the {word} mission was watched by thousands of guests at the space center.",
     "Engines of the first stage ignite: the spacecraft is on its way to a {word}."),
)  # fmt: skip
_PEOPLE = (
    ("The {Word} Science Team", "Engineers of the {Word} Mission",
     "Portrait of a Mission Scientist",
     "Press Briefing on the {Word} Encounter", "Crew Portrait {serial}"),
    ("Members of the {word} team pose for a photo after the press conference.",
     "An engineer who worked on the {word} camera is seen in the clean room.",
     "Students met the scientist who leads the search for every new {word}."),
)  # fmt: skip
_DRAWN = (
    ("Chart of {Word} Brightness", "{Word} Data, Figure {serial}", "Diagram of a {Word} Orbit",
     "{Word} Counts by Year (Graph)"),
    ("This chart shows how the brightness of the {word} changed over a month.",
     "The diagram shows measurements of the {word} against a model.",
     "This graph plots distances; each {word} is one point."),
)  # fmt: skip
_LOGO = (
    ("{Word} Mission Patch", "Logo of the {Word} Survey", "Insignia {serial}", "{Word} Day Poster"),
    ("The mission patch shows a {word} and the names of the partners.",
     "Logo of the project that maps every {word} in the northern sky."),
)  # fmt: skip
_PLACES = (
    ("Observatory Building at Night", "Antenna that Tracks the {Word} Probe", "Facility {serial}",
     "The {Word} Testing Hangar"),
    ("The building houses the instrument that will look at a {word}.",
     "The antenna received signals from the probe as it passed the {word}.",
     "Workers finished the facility where the {word} probe is tested."),
)  # fmt: skip
_LAND = (
    ("Aurora over the Lake", "Milky Way over the Desert", "Night Sky over the Mountains",
     "Rover Panorama, Sol {serial}", "Sunset at the Observatory"),
    ("A landscape under a sky in which one bright {word} could be seen.",
     "From the horizon up, the foreground is lit by the Moon; a {word} was too faint to see.",
     "The rover looked back over its tracks on the way to a hill named after a {word}."),
)  # fmt: skip
_ARTIST = (
    ("Artist's Concept of the {Word} Probe", "Artist's Impression of a {Word}",
     "{Word} Illustration"),
    ("This artist's concept shows the probe near a {word}.",
     "Illustration of a spacecraft that passes a {word}."),
)  # fmt: skip
_BROKEN = (
    ("{Word} Frame {serial}", "Calibration Exposure {serial}", "Raw Frame {serial}"),
    (
        "A raw frame from the {word} sequence.",
        "Exposure taken while the camera looked for a {word}.",
    ),
)

JUNK: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "chart": _DRAWN,
    "slide": _DRAWN,
    "logo": _LOGO,
    "portrait": _PEOPLE,
    "group": _PEOPLE,
    "launch": _LAUNCH,
    "building": _PLACES,
    "antenna": _PLACES,
    "landscape": _LAND,
    "artist": _ARTIST,
    "blank": _BROKEN,
    "saturated": _BROKEN,
}
