"""The file of the split's proof: the same for the same images, however often a run is repeated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.atlas import Atlas, embedding_columns
from cosmic_morphology.io_utils import write_text

if TYPE_CHECKING:
    from cosmic_morphology.curate import LeakageReport

_READS = (
    "source", "collection", "title", "names", "albums", "created_at", "lineage", "credit",
    "duplicate_of", "group", "label", "split",
)  # fmt: skip


def write_proof(atlas: Atlas, certificate: LeakageReport, file: Path) -> None:
    """Write the proof, unless the file says the same of the same images.

    A run that is repeated adds accounts to the ledger, so the version of the atlas is another one
    though nothing that the proof looks at has changed.

    Parameters
    ----------
    atlas : Atlas
        That was certified.
    certificate : Certificate
        The proof.
    file : Path
        Where it goes.
    """
    there = atlas.columns()
    looked_at = [name for name in _READS if name in there]
    looked_at += embedding_columns(atlas)
    found = {**json.loads(certificate.to_json()), "looked_at": atlas.digest(looked_at)}
    if {**_told(file), "atlas_version": ""} != {**found, "atlas_version": ""}:
        write_text(file, json.dumps(found, indent=2, ensure_ascii=False))


def _told(file: Path) -> dict[str, Any]:
    """What the file says already; nothing where there is none, or something else stands there."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}
