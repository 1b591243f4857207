"""What the tests of harvesting share; run as a program it is one harvest, to be killed.

``python harvest_tools.py ATLAS ROOT [QUERY …]``
"""

from __future__ import annotations

import sys
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.collect import CollectResult, collect_images
from cosmic_morphology.settings import CollectJob, CollectSettings
from cosmic_morphology.taxonomy import load_taxonomy

TAXONOMY = load_taxonomy()
QUICK = {"backoff_s": 0.01, "throttle_pause_s": 0.05, "commit_rows": 40, "decode_workers": 1}


def gather(
    atlas: Atlas,
    root: str,
    *queries: str,
    source: str = "nasa",
    options: dict[str, Any] | None = None,
    limit: int | None = None,
    settings: dict[str, Any] | None = None,
    **given: Any,
) -> CollectResult:
    """One harvest with quick manners."""
    job = CollectJob(type=source, queries=queries, root=root, limit=limit, options=options or {})
    chosen = CollectSettings(**{**QUICK, **(settings or {})})
    return collect_images(atlas, job, chosen, TAXONOMY, **given)


def images_of(atlas: Atlas) -> set[str]:
    """Ids of all images, with or without a record."""
    return set(atlas.read(["id"], table="images").column("id").to_pylist())


def table(atlas: Atlas) -> list[tuple[str, str]]:
    """Ids and hashes: what must be the same however a harvest went."""
    rows = atlas.read(["id", "sha256"], table="images").to_pylist()
    return sorted((row["id"], row["sha256"]) for row in rows)


def said(atlas: Atlas, record_id: str) -> dict[str, Any]:
    """The row of the catalogue of an id."""
    quoted = record_id.replace("'", "''")
    return atlas.read(where=f"id = '{quoted}'").to_pylist()[0]


if __name__ == "__main__":
    place, root, *queries = sys.argv[1:]
    manners = {"commit_rows": 20, "concurrency": 4}
    gather(Atlas.create(place), root, *(queries or ["galaxy"]), settings=manners)
