"""The stages in order: what is stale, what is done, what to run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cosmic_morphology.lazy import lazy_exports

if TYPE_CHECKING:
    from cosmic_morphology.pipeline.context import Context as Context
    from cosmic_morphology.pipeline.runner import run as run
    from cosmic_morphology.pipeline.stages import STAGES as STAGES
    from cosmic_morphology.pipeline.summary import PipelineResult as PipelineResult
    from cosmic_morphology.pipeline.summary import RunScore as RunScore

_HOMES = {
    "Context": "context",
    "PipelineResult": "summary",
    "RunScore": "summary",
    "STAGES": "stages",
    "run": "runner",
}

__all__ = [*_HOMES]  # noqa: PLE0604
__getattr__, __dir__ = lazy_exports(__name__, _HOMES)
