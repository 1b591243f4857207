"""The stages in order: what is stale, what is done, what to run."""

from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.pipeline.runner import run
from cosmic_morphology.pipeline.stages import STAGES
from cosmic_morphology.pipeline.summary import PipelineResult, RunScore

__all__ = ["STAGES", "Context", "PipelineResult", "RunScore", "run"]
