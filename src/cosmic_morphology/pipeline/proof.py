"""The file of the split's proof: the same for the same images, however often a run is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology._version import __version__
from cosmic_morphology.atlas import Atlas, LeakageWords, embedding_columns
from cosmic_morphology.io_utils import jsonable, write_json

if TYPE_CHECKING:
    from cosmic_morphology.curate import LeakageResult
    from cosmic_morphology.settings import CurateSettings

CERTIFICATE_FILE = "certificate.json"
"""Beside the report, which shows it."""
_READS = (
    "source", "collection", "title", "names", "albums", "created_at", "lineage", "credit",
    "duplicate_of", "group", "label", "split",
)  # fmt: skip


def write_proof(atlas: Atlas, certificate: LeakageResult, file: Path) -> None:
    """Write the proof, unless the file says the same of the same images.

    A run that is repeated adds accounts to the ledger, so the version of the atlas is another one
    though nothing that the proof looks at has changed.

    Parameters
    ----------
    atlas : Atlas
        That was certified.
    certificate : LeakageResult
        The proof.
    file : Path
        Where it goes.
    """
    looked_at = {"looked_at": _looked_at(atlas), "software": __version__}
    found = {**jsonable(certificate), **looked_at}
    if {**_read_earlier(file), "atlas_version": ""} != {**found, "atlas_version": ""}:
        write_json(file, found)


def is_proven(atlas: Atlas, file: Path, settings: CurateSettings) -> bool:
    """Whether a file proves this very split: to compare every pair again would say the same.

    It does not for other images, splits, groups or texts than those it was made of, for other
    settings of the search, or where another version of the program has made it. A proof by keys
    alone, or one with leaks, does not count.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    file : Path
        Where the proof stands, if there is one.
    settings : CurateSettings
        As :func:`~cosmic_morphology.curate.check_leakage` has them.
    """
    from cosmic_morphology.curate.exhaustive.words import BY_KEYS
    from cosmic_morphology.curate.split.leakage import certified_settings

    earlier = _read_earlier(file)
    return (
        earlier.get("leaks") == 0
        and earlier.get("software") == __version__
        and earlier.get("settings") == jsonable(certified_settings(settings))
        and earlier.get("searched") != list(BY_KEYS)
        and earlier.get("looked_at") == _looked_at(atlas)
    )


def leakage_words(atlas: Atlas, out: Path) -> LeakageWords | None:
    """What the proof in a folder of results says of this atlas, for the card of an export.

    Parameters
    ----------
    atlas : Atlas
        Whose split is exported.
    out : Path
        Where the proof stands; None is returned where there is none.
    """
    earlier = _read_earlier(out / CERTIFICATE_FILE)
    if "leaks" not in earlier:
        return None
    return LeakageWords(
        leaks=int(earlier["leaks"]),
        grouped_by=str(earlier.get("grouped_by", "")),
        compared=tuple(map(str, earlier.get("searched", ()))),
        not_compared=tuple(map(str, earlier.get("not_looked_for", ()))),
        is_current=earlier.get("looked_at") == _looked_at(atlas),
    )


def _looked_at(atlas: Atlas) -> str:
    there = atlas.columns()
    looked_at = [name for name in _READS if name in there]
    return atlas.digest([*looked_at, *embedding_columns(atlas)])


def _read_earlier(file: Path) -> dict[str, Any]:
    """What the file says already; nothing where there is none, or something else stands there."""
    try:
        earlier = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return earlier if isinstance(earlier, dict) else {}
