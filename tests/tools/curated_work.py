"""A small catalogue in several fragments for tests of curation on engines, and its columns."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from pathlib import Path

from drawn_images import DrawnIntake, draw_jpeg

from cosmic_morphology.atlas import Atlas, NewImage, Record

WORDS = {
    "galaxy": "Spiral galaxy",
    "nebula": "Emission nebula",
    "comet": "Comet",
    "irrelevant": "Rocket launch",
}
COLUMNS = (
    *("id", "votes", "label", "label_confidence", "label_kind"),
    *("relevance_score", "relevance_flag", "relevance_reason"),
    *("mislabel_score", "mislabel_flag", "mislabel_reason", "suggested_label"),
)


def make_catalogue(place: Path, fragments: int = 3, rows: int = 30) -> Atlas:
    """Images whose titles agree with their folders but for every seventh; some are checked."""
    atlas, names = Atlas.create(place), list(WORDS)
    for part in range(fragments):
        atlas.add([_arrival(n, names) for n in range(part * rows, (part + 1) * rows)])
    now = datetime(2026, 1, 1, tzinfo=UTC)
    atlas.append_decisions(
        [
            {"id": f"made:{n:04d}", "verdict": "label", "label": names[n % 3], "who": "me",
             "why": "", "at": now}
            for n in range(0, fragments * rows, 11)
        ]
    )  # fmt: skip
    return atlas


def columns_of(atlas: Atlas) -> list[dict]:
    """All that curation says of each image, by id."""
    return atlas.read(COLUMNS).sort_by("id").to_pylist()


def _arrival(number: int, names: list[str]) -> NewImage:
    name = names[number % len(names)]
    folder = names[(number + 1) % len(names)] if number % 7 == 0 else name
    # Every fifth says nothing but its folder.
    title = f"{WORDS[name]} {number}" if number % 5 else ""
    record = Record("made", f"{number:04d}", title=title, given_label=folder, collection=folder)
    data = draw_jpeg(number)
    digest = hashlib.sha256(data)
    return NewImage(record, DrawnIntake(digest.hexdigest(), data, phash=digest.digest()[:8]), data)
