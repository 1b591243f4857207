"""Records of a made-up archive for ``scale_curate.py``: pure functions of row number and seed."""

from __future__ import annotations

import random
from typing import Any

from cosmic_morphology.taxonomy import load_taxonomy

_TAXONOMY = load_taxonomy()
_PHRASES = sorted({phrase for rule in _TAXONOMY.rules for phrase in rule.phrases})
_CLASSES = _TAXONOMY.names_with_reject
_TEXT = (
    "the of and in is to this for with from are a image shows taken by telescope light dust gas "
    "observations bright region south north light-years away red blue colour filters camera field "
    "view exposure data team survey faint distant known as seen here between its near "
    "Hubble Space Telescope large structure young hot material surface night not only"
)
_WORDS = _TEXT.split()
_OBJECTS = (
    *("M 31", "M51", "NGC {ngc}", "IC {ngc}", "Messier {m}", "Jupiter", "Mars", "Saturn", "Orion"),
    *("Comet {c}P", "C/2023 A{m}", "Andromeda Galaxy", "Crab Nebula", "Sh2-{m}", "Vesta", "Ceres"),
)
_COLLECTIONS = ("hubble", "jpl", "album-a", "amateur", None)
_SOURCES = ("nasa", "apod", "folder", "commons")
# Shares of records that are copies, rendered, variants, in an album, in a series, of before.
_COPY, _RENDERED, _VARIANT, _ALBUM, _SERIES, _BEFORE = 0.04, 0.03, 0.02, 0.05, 0.15, 0.1
_SPLITS = ("train", "train", "train", "val", "test")


def records(start: int, stop: int, n: int, seed: int) -> dict[str, list[Any]]:
    """Columns of the records ``start`` to ``stop`` of ``n``; ``copy_of`` is the original's id."""
    rows = [_record(at, n, seed) for at in range(start, stop)]
    return {name: [row[name] for row in rows] for name in rows[0]}


def id_of(at: int, seed: int) -> str:
    """The id of a record."""
    return f"{random.Random(f'{seed} source {at}').choice(_SOURCES)}:sky/r-{at}"


def decisions(n: int, seed: int) -> list[dict[str, Any]]:
    """Verdicts on one image in 500."""
    rng = random.Random(f"{seed} verdicts")
    chosen = sorted(rng.sample(range(n), max(n // 500, 1)))
    return [
        {
            "id": id_of(at, seed),
            "verdict": (verdict := rng.choice(("label", "label", "drop", "keep"))),
            "label": rng.choice(_CLASSES) if verdict == "label" else "",
            "who": rng.choice(("ann", "bob")),
            "why": "",
        }
        for at in chosen
    ]


def _record(at: int, n: int, seed: int) -> dict[str, Any]:
    rng = random.Random(f"{seed} record {at}")
    id_, original = id_of(at, seed), at
    copy = at and rng.random() < _COPY
    if copy:
        original = rng.randrange(max(at - 5000, 0), at)
        # Of a chain of copies the first is the original.
        copy = not records_is_copy(original, seed)
    source = id_.partition(":")[0]
    name = rng.choice(_OBJECTS).format(ngc=rng.randrange(1, 7000), m=rng.randrange(1, 111),
                                       c=rng.randrange(1, 400))  # fmt: skip
    title = rng.choice((f"{name} {_said(rng, 3)}", _said(rng, 5).title(), f"PIA{at % 60000:05d}"))
    if rng.random() < _SERIES:
        title = f"{_said(random.Random(f'{seed} series {at // 7}'), 6)} {name} part {at % 7}"
    lineage: list[str] = []
    if rng.random() < _RENDERED:
        lineage = [f"render:{rng.randrange(n // 50 + 1)}"]
    elif at and rng.random() < _VARIANT:
        parent = rng.randrange(at)
        lineage = [rng.choice((id_of(parent, seed), f"spacenet-{parent % 5000}"))]
    word = rng.choice(list(_TAXONOMY.class_of_word))
    before = rng.choice(_SPLITS) if rng.random() < _BEFORE else None
    return {
        "id": id_,
        "source": "rendered" if lineage and lineage[0].startswith("render:") else source,
        "title": title,
        "description": ". ".join(_said(rng, 14).capitalize() for _ in range(rng.randrange(6))),
        "keywords": [rng.choice(_PHRASES).replace("*", "") for _ in range(rng.randrange(4))],
        "queries": [f"{source}:{word}"] if rng.random() < 0.7 else [],
        "given_label": rng.choice(_CLASSES) if source == "folder" else None,
        "subjects": [rng.choice(("5.1", "4.1.4", "8", "1.2.3"))] if rng.random() < 0.2 else [],
        "names": [name] if rng.random() < 0.3 else [],
        "albums": [f"album {at // 12}"] if rng.random() < _ALBUM else [],
        "credit": rng.choice(("NASA/JPL", "ESA", "A. Person")),
        "created_at": f"20{at % 20 + 5:02d}-0{at % 9 + 1}-{at % 28 + 1:02d}T00:00:00Z",
        "collection": rng.choice(_COLLECTIONS),
        "lineage": lineage,
        "copy_of": id_of(original, seed) if copy else None,
        "split": before,
        "split_reason": "" if before else None,
    }


def records_is_copy(at: int, seed: int) -> bool:
    """Whether a record may be a copy of another: its first draw says so."""
    return at > 0 and random.Random(f"{seed} record {at}").random() < _COPY


def _said(rng: random.Random, words: int) -> str:
    told = rng.choices(_WORDS, k=words)
    told[rng.randrange(words)] = rng.choice(_PHRASES).replace("*", "s")
    return " ".join(told)
