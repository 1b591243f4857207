"""What every stage of the pipeline is given."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cosmic_morphology.curate.stages import Curation
from cosmic_morphology.pipeline.summary import PipelineResult


@dataclass(slots=True, kw_only=True)
class Context(Curation):
    """What curation is given, and what the stages before and after it need."""

    out: Path
    summary: PipelineResult = field(default_factory=PipelineResult)
    replica_root: str = ""
    notes: dict[str, Any] = field(default_factory=dict)


def read_if_there(file: Path) -> dict[str, Any] | None:
    """What was measured of this split or these labels, where it was."""
    return json.loads(file.read_text("utf-8")) if file.is_file() else None
