"""What every stage of the pipeline is given."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.pipeline.summary import PipelineResult
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import Taxonomy

Progress = Callable[[int, int], None]


@dataclass(slots=True)
class Context:
    """What every stage is given."""

    settings: Settings
    atlas: Atlas
    taxonomy: Taxonomy
    out: Path
    progress: Callable[[str], AbstractContextManager[Progress]]
    summary: PipelineResult = field(default_factory=PipelineResult)
    replica_root: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


def read_if_there(file: Path) -> dict[str, Any] | None:
    """What was measured of this split or these labels, where it was."""
    return json.loads(file.read_text("utf-8")) if file.is_file() else None
