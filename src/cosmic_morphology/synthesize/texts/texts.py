"""What an archive would say of a rendered image: right, beside the point, or misleading.

On real images the word that a search found them by is the right class less than half of the
time, because texts mention other things: the galaxy in which a cluster lies, the star that
lights a nebula, the comet that a rocket will visit. The texts here are wrong in the same way.

Names of objects: well-known ones, and many more in the form of their catalogues.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.synthesize.texts.phrases import ASIDES, JUNK, KEYWORDS, LEADS, TITLES

TARGETS = ("asteroid", "comet", "galaxy", "nebula", "planet", "star")


@dataclass(frozen=True)
class Texts:
    """Title, description, keywords, ISO date and the name of the object, if it has one."""

    title: str
    description: str
    keywords: list[str]
    date: str
    object_name: str


def write_texts(
    rng: np.random.Generator, kind: str, subtype: str, *, name: str | None = None
) -> Texts:
    """Texts for an image of this class and sub-type.

    Parameters
    ----------
    kind, subtype : str
        What the image shows.
    name : str, optional
        Name of the object; by default one is made up.
    """
    if kind == "irrelevant":
        return _junk(rng, subtype)
    name = object_name(rng, kind, subtype) if name is None else name
    fields = {"name": name, "sub": _spoken(kind, subtype)}
    title = _pick(rng, TITLES[kind]).format(**fields)
    parts = [_pick(rng, LEADS[kind]).format(**fields)]
    others = [each for each in TARGETS if each != kind]
    # Texts of archives mention other classes so often that a search word is right for 41 % of the
    # images that it finds first, "star" for 6 %. Here it is about as many, of "star" 16 %.
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.07, 0.33, 0.38, 0.22]))):
        pool = ASIDES[kind] if rng.random() < 0.9 else ASIDES["any"]
        parts.append(_pick(rng, pool).format(**fields))
    keywords = [_pick(rng, KEYWORDS["any"])]
    keywords += [name] if rng.random() < 0.4 else []
    keywords += list(rng.choice(KEYWORDS[kind], 2, replace=False)) if rng.random() < 0.35 else []
    text = " ".join(dict.fromkeys(parts))
    if not _mentions(f"{title} {text} {' '.join(keywords)}", (kind, *others)):
        keywords.append(kind)
    return Texts(title, text, [str(k) for k in keywords], _date(rng), name)


def _junk(rng: np.random.Generator, subtype: str) -> Texts:
    """Texts of images that every search brings along."""
    word = _pick(rng, TARGETS)
    fields = {"word": word, "Word": word.capitalize(), "serial": f"{rng.integers(100, 9999)}"}
    titles, leads = JUNK[subtype]
    title = _pick(rng, titles).format(**fields)
    text = _pick(rng, leads).format(**fields)
    keywords = [_pick(rng, KEYWORDS["irrelevant"])]
    if rng.random() < 0.35:
        keywords.append(word)
    if not _mentions(f"{title} {text} {' '.join(keywords)}", TARGETS):
        text += f" The project studies how a {word} forms."
    return Texts(title, text, keywords, _date(rng), "")


def _spoken(kind: str, subtype: str) -> str:
    """The sub-type as a sentence has it."""
    if kind == "galaxy":
        return {"group": "galaxy group", "merger": "pair of colliding galaxies"}.get(
            subtype, f"{subtype} galaxy"
        )
    if kind == "nebula":
        plain = {"pillars": "star-forming pillar", "bubble": "wind-blown bubble"}
        return plain.get(subtype, subtype if "remnant" in subtype else f"{subtype} nebula")
    return subtype


def _mentions(text: str, words: tuple[str, ...]) -> bool:
    """Whether a search for one of the words finds the text, plurals included."""
    tokens = {t.strip(".,;:!?()'\"").lower() for t in text.replace("-", " ").split()}
    plurals = {"galaxy": "galaxies", "nebula": "nebulae"}
    return any({w, w + "s", plurals.get(w, w)} & tokens for w in words)


def _pick(rng: np.random.Generator, choices: tuple[str, ...]) -> str:
    return choices[int(rng.integers(len(choices)))]


def _date(rng: np.random.Generator) -> str:
    year, month, day = rng.integers(1995, 2026), rng.integers(1, 13), rng.integers(1, 29)
    return f"{year}-{month:02d}-{day:02d}"


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
    their catalogues, so that two images seldom share one by chance.
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
