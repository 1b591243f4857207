"""Settings: one validated tree, read from ``cosmic.toml``, the environment and the command line."""

from cosmic_morphology.settings.base import Section, job_of
from cosmic_morphology.settings.curate import (
    CheckSettings,
    CurateSettings,
    DuplicateSettings,
    GroupSettings,
    LabelSettings,
    VoteSettings,
)
from cosmic_morphology.settings.jobs import (
    AuditJob,
    CollectJob,
    ImportJob,
    ReplicaJob,
    ReviewJob,
    RunJob,
    SourceJob,
    SynthesizeJob,
)
from cosmic_morphology.settings.load import DEFAULT_SEED, Settings, load_settings
from cosmic_morphology.settings.serve import ServeSettings
from cosmic_morphology.settings.stages import (
    CollectSettings,
    EvaluateSettings,
    ImagingSettings,
    LearnSettings,
    LocalSettings,
    OtherBackbone,
    RaySettings,
    SplitSettings,
    StageResources,
    SweepSettings,
)
from cosmic_morphology.settings.study import StudySettings

__all__ = [
    "DEFAULT_SEED",
    "AuditJob",
    "CheckSettings",
    "CollectJob",
    "CollectSettings",
    "CurateSettings",
    "DuplicateSettings",
    "EvaluateSettings",
    "GroupSettings",
    "ImagingSettings",
    "ImportJob",
    "LabelSettings",
    "LearnSettings",
    "LocalSettings",
    "OtherBackbone",
    "RaySettings",
    "ReplicaJob",
    "ReviewJob",
    "RunJob",
    "Section",
    "ServeSettings",
    "Settings",
    "SourceJob",
    "SplitSettings",
    "StageResources",
    "StudySettings",
    "SweepSettings",
    "SynthesizeJob",
    "VoteSettings",
    "job_of",
    "load_settings",
]
