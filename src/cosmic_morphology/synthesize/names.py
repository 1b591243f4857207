"""Names of objects: well-known ones, and many more in the form of their catalogues."""

from __future__ import annotations

import numpy as np

KNOWN: dict[str, tuple[str, ...]] = {
    "asteroid/elongated": ("433 Eros", "25143 Itokawa", "243 Ida", "951 Gaspra"),
    "asteroid/irregular": ("253 Mathilde", "21 Lutetia", "2867 Steins", "951 Gaspra"),
    "asteroid/contact binary": ("25143 Itokawa", "152830 Dinkinesh", "4179 Toutatis"),
    "asteroid/top-shaped": ("101955 Bennu", "162173 Ryugu", "65803 Didymos"),
    "asteroid/round": ("4 Vesta", "1 Ceres"),
    "asteroid/surface": ("4 Vesta", "1 Ceres", "433 Eros", "101955 Bennu"),
    "comet/nucleus": ("67P/Churyumov-Gerasimenko", "103P/Hartley", "9P/Tempel", "81P/Wild"),
    "galaxy/spiral": ("M51", "M74", "M81", "M83", "M100", "M101", "NGC 1232", "NGC 2903"),
    "galaxy/barred spiral": ("NGC 1300", "NGC 1365", "M95", "M109", "NGC 613"),
    "galaxy/edge-on": ("NGC 891", "NGC 4565", "NGC 5866", "M104", "NGC 5907"),
    "galaxy/elliptical": ("M87", "M49", "M60", "NGC 1399", "Centaurus A"),
    "galaxy/irregular": ("NGC 4449", "IC 10", "NGC 1427A", "M82"),
    "galaxy/merger": ("NGC 4038", "NGC 2207", "Arp 273", "Arp 148"),
    "galaxy/group": ("Stephan's Quintet", "Abell 1689", "Abell 2744", "Hickson 44"),
    "nebula/emission": ("M8", "M42", "NGC 7000", "IC 1805", "NGC 2237", "NGC 6357"),
    "nebula/pillars": ("M16", "IC 1396A", "NGC 3372", "IC 434"),
    "nebula/reflection": ("M78", "NGC 7023", "NGC 1333", "IC 2118"),
    "nebula/dark": ("Barnard 68", "Barnard 33", "LDN 1622", "Barnard 150"),
    "nebula/planetary": ("M27", "M57", "NGC 6302", "NGC 7293", "NGC 6543", "NGC 2392"),
    "nebula/supernova remnant": ("M1", "NGC 6960", "Simeis 147", "IC 443", "Cassiopeia A"),
    "nebula/bubble": ("NGC 7635", "NGC 6888", "NGC 2359", "Sharpless 2-308"),
    "star/globular cluster": ("M3", "M13", "M15", "M22", "M80", "M92", "47 Tucanae", "NGC 6752"),
    "star/open cluster": ("M6", "M11", "M35", "M37", "M44", "M67", "NGC 457", "NGC 869"),
    "star/bright star": ("Betelgeuse", "Vega", "Antares", "Sirius", "Polaris", "Mu Cephei"),
    "star/double star": ("Albireo", "Mizar", "Almach", "61 Cygni"),
}
HUNTERS = ("Harel", "Okada", "Lindqvist", "Moreau", "Castellan", "Ferro", "Brandt", "Tanaka")
MINORS = ("Amaltea", "Berengaria", "Corvina", "Dorsena", "Elmira", "Fabiola", "Gloriosa", "Hestera")
SURVEYS = ("ATLAS", "PANSTARRS", "ZTF", "Lemmon", "SOHO", "NEOWISE")
CATALOGUES = {
    "galaxy": (("NGC", 7840), ("UGC", 12921), ("IC", 5386), ("ESO", 600)),
    "nebula": (("NGC", 7840), ("IC", 5386), ("Sh2", 313), ("LBN", 1125)),
    "star": (("NGC", 7840), ("Melotte", 245), ("Collinder", 471), ("HD", 225300)),
}


def object_name(rng: np.random.Generator, kind: str, subtype: str) -> str:
    """A name for an object of this class: a quarter well known, the rest made up.

    Planets and the Sun have their own names. Made-up numbers are drawn from the whole length of
    their catalogues, so that two pictures seldom share one by chance.
    """
    if kind == "planet" or subtype == "sun":
        return subtype.split(maxsplit=1)[0].capitalize()
    known = KNOWN.get(f"{kind}/{subtype}", ())
    if known and rng.random() < 0.25:
        return known[int(rng.integers(len(known)))]
    if subtype == "star field":
        return ""
    return _comet(rng) if kind == "comet" else _numbered(rng, kind)


def _numbered(rng: np.random.Generator, kind: str) -> str:
    """A number in a catalogue of such objects."""
    if kind == "asteroid":
        return f"{rng.integers(10, 60000)} {MINORS[int(rng.integers(len(MINORS)))]}"
    catalogue, last = CATALOGUES[kind][int(rng.integers(len(CATALOGUES[kind])))]
    return f"{catalogue} {rng.integers(1, last)}"


def _comet(rng: np.random.Generator) -> str:
    """A designation as the International Astronomical Union gives it, with a discoverer."""
    names = HUNTERS if rng.random() < 0.5 else SURVEYS
    who = names[int(rng.integers(len(names)))]
    half_month = "ABCDEFGHJKLMNOPQRSTUVWXY"[int(rng.integers(24))]
    return f"C/{rng.integers(1995, 2026)} {half_month}{rng.integers(1, 9)} ({who})"
