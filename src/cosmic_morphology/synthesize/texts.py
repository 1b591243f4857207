"""What an archive would say of a rendered picture: right, beside the point, or misleading.

On real pictures the word that a search found them by is the right class less than half of the
time, because texts mention other things: the galaxy in which a cluster lies, the star that
lights a nebula, the comet that a rocket will visit. The texts here are wrong in the same way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cosmic_morphology.synthesize.names import object_name
from cosmic_morphology.synthesize.phrases import ASIDES, JUNK, KEYWORDS, LEADS, TITLES

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
    """Texts for a picture of this class and sub-type.

    Parameters
    ----------
    kind, subtype : str
        What the picture shows.
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
    # pictures that it finds first, "star" for 6 %. Here it is about as many, of "star" 16 %.
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
    """Texts of pictures that every search brings along."""
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
