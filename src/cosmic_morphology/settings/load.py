"""One validated tree of settings: defaults < cosmic.toml < COSMIC_* environment < command line.

Every number that a user may want to change stands here with its meaning and unit.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableValue

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.reading import read_toml
from cosmic_morphology.settings.base import settings_error
from cosmic_morphology.settings.curate import CurateSettings
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
from cosmic_morphology.settings.serve import ServeSettings
from cosmic_morphology.settings.stages import (
    WEIGHTS_WORDS,
    CollectSettings,
    EvaluateSettings,
    ImagingSettings,
    LearnSettings,
    LocalSettings,
    RaySettings,
    SplitSettings,
    SweepSettings,
)
from cosmic_morphology.settings.study import StudySettings
from cosmic_morphology.taxonomy import shipped_taxonomies

DEFAULT_SEED = 20261122


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="COSMIC_", env_nested_delimiter="__", extra="forbid"
    )
    said_in_file: ClassVar[dict[str, Any]] = {}

    atlas: str = Field("cosmic-atlas", description="folder or address of the atlas")
    out: Path = Field(Path("cosmic-out"), description="folder of runs and reports")
    seed: int = Field(DEFAULT_SEED, ge=0, lt=2**32, description="of every random choice")
    taxonomy: Path | None = Field(
        None, description="another taxonomy: a TOML file, or the name of one that is shipped"
    )
    storage_options: dict[str, str] = Field(default_factory=dict, description="for object stores")

    engine: Literal["local", "ray"] = Field(
        "local", description="where columns are filled: on this machine, or on a Ray cluster"
    )
    local: LocalSettings = Field(default_factory=LocalSettings)
    ray: RaySettings = Field(default_factory=RaySettings)

    imaging: ImagingSettings = Field(default_factory=ImagingSettings)
    collect: CollectSettings = Field(default_factory=CollectSettings)
    curate: CurateSettings = Field(default_factory=CurateSettings)
    split: SplitSettings = Field(default_factory=SplitSettings)
    learn: LearnSettings = Field(default_factory=LearnSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings)

    serve: ServeSettings = Field(default_factory=ServeSettings)

    replica: ReplicaJob | None = None
    synthesize: SynthesizeJob = Field(default_factory=SynthesizeJob)
    sources: tuple[SourceJob, ...] = Field((), description="archives and folders of images")
    review: tuple[ReviewJob, ...] = ()
    audit: AuditJob | None = None
    train: tuple[RunJob, ...] = ()
    study: StudySettings = Field(default_factory=StudySettings)

    @property
    def archives(self) -> tuple[CollectJob, ...]:
        """The sources that are collected from."""
        return tuple(job for job in self.sources if isinstance(job, CollectJob))

    @property
    def folders(self) -> tuple[ImportJob, ...]:
        """The sources that are imported."""
        return tuple(job for job in self.sources if isinstance(job, ImportJob))

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Command line first, then the environment, then the file."""
        del dotenv_settings, file_secret_settings
        said = getattr(settings_cls, "said_in_file", {})
        return init_settings, env_settings, InitSettingsSource(settings_cls, dict(said))


def load_settings(config: Path | None = None, **overrides: Any) -> Settings:
    r"""Read the settings.

    Parameters
    ----------
    config : Path, optional
        A TOML file; without it ``cosmic.toml`` in the working folder when there is one. Paths
        in the file are relative to the file.
    **overrides
        Values of the command line; ``None`` means not given.

    Returns
    -------
    Settings
        All settings, checked.

    Raises
    ------
    SettingsError
        The file is missing or not TOML, or a key or value is not valid.

    Examples
    --------
    >>> _ = Path("mine.toml").write_text("seed = 3\n[split]\ntest = 0.3\ntrain = 0.5\nval = 0.2\n")
    >>> settings = cosmic.load_settings(Path("mine.toml"), out=Path("results"))
    >>> settings.seed, settings.split.test, settings.out.name
    (3, 0.3, 'results')
    >>> cosmic.load_settings(Path("lost.toml"))
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.SettingsError: lost.toml: there is no such settings file. Check ...
    """
    file = config if config is not None else Path("cosmic.toml")
    if config is not None and not config.exists():
        raise SettingsError(
            "there is no such settings file", where=str(config), todo="Check the path of --config."
        )
    is_there = config is not None or file.is_file()
    said = read_toml(file, SettingsError) if is_there else {}
    given = {key: value for key, value in overrides.items() if value is not None}
    try:
        settings: Settings = type("Settings", (Settings,), {"said_in_file": said})(**given)
    except UnreadableValue as error:
        raise SettingsError(
            f"a value of the environment cannot be read ({error})",
            where=_in_environ_with(str(error)),
            todo="Write lists and tables there as JSON.",
        ) from error
    except ValidationError as error:
        raise settings_error(error, Settings, file if is_there else None) from error
    if not is_there:
        return settings
    from_file: set[str] = {
        key for key in ("atlas", "out") if key in said and key not in given and not _in_environ(key)
    }
    return _with_paths_resolved(settings, file.parent, from_file)


def _in_environ_with(text: str) -> str:
    """The variables of the environment that may be meant."""
    fields = re.findall(r'field "(\w+)"', text)
    return ", ".join(
        name
        for name in os.environ
        if any(name.upper().startswith(f"COSMIC_{field.upper()}") for field in fields)
    )


def _in_environ(key: str) -> bool:
    return any(name.upper() == f"COSMIC_{key.upper()}" for name in os.environ)


def _with_paths_resolved(settings: Settings, folder: Path, from_file: set[str]) -> Settings:
    def resolved(path: Path | None) -> Path | None:
        return path if path is None or path.is_absolute() else folder / path

    is_named = str(settings.taxonomy) in shipped_taxonomies()
    settings.taxonomy = settings.taxonomy if is_named else resolved(settings.taxonomy)
    if "atlas" in from_file:
        settings.atlas = _resolved_address(settings.atlas, folder)
    if "out" in from_file:
        settings.out = folder / settings.out
    if settings.replica:
        settings.replica.images = resolved(settings.replica.images)
        settings.replica.catalogue = resolved(settings.replica.catalogue)
    for job in settings.folders:
        job.path, job.csv = folder / job.path, resolved(job.csv)
    for verdicts in settings.review:
        verdicts.path = folder / verdicts.path
    if settings.audit:
        settings.audit.path = folder / settings.audit.path
    # A bare name is that of a run of this project, whose folder is known.
    votes = settings.curate.votes
    votes.trained_runs = tuple(
        str(folder / each) if "/" in each else each for each in votes.trained_runs
    )
    for study in (settings.study.synthetic, settings.study.realism):
        study.rendered_atlas = _resolved_address(study.rendered_atlas, folder)
    settings.learn.weights = _resolved_weights(settings.learn.weights, folder)
    for backbone in settings.learn.backbones.values():
        backbone.weights = _resolved_weights(backbone.weights, folder)
    return settings


def _resolved_weights(weights: str, folder: Path) -> str:
    return weights if weights in WEIGHTS_WORDS else str(folder / weights)


def _resolved_address(address: str, folder: Path) -> str:
    return str(folder / address) if address and "://" not in address else address
