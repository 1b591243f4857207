"""One validated tree of settings: defaults < cosmic.toml < COSMIC_* environment < command line.

Every number that a user may want to change stands here with its meaning and unit.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any, ClassVar, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)
from pydantic_settings import SettingsError as UnreadableValue

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.reading import read_toml
from cosmic_morphology.suggest import suggest_names

DEFAULT_SEED = 20261122


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are checked."""

    model_config = ConfigDict(extra="forbid")


class ImagingSettings(Section):
    """Intake of images."""

    thumbnail_side_px: int = Field(512, ge=64, le=2048, description="longest side, px")
    max_bytes: int = Field(60_000_000, ge=1_000, description="largest body that is taken, bytes")
    max_pixels: int = Field(120_000_000, ge=10_000, description="largest image, pixels")


class CollectSettings(Section):
    """Collecting over HTTP."""

    requests_per_s: float | None = Field(
        None, gt=0, description="per host; without it the polite default of each host"
    )
    concurrency: int = Field(16, ge=1, le=256, description="open requests per host")
    timeout_s: float = Field(30.0, gt=0, description="longest silence of a server, s")
    attempts: int = Field(5, ge=1, le=20, description="tries for one URL in one run")
    backoff_s: float = Field(1.0, ge=0, description="first wait before another try, s; doubles")
    max_wait_s: float = Field(300.0, ge=0, description="longest wait, also by Retry-After, s")
    throttle_pause_s: float = Field(60.0, ge=0, description="wait after a 403, s")
    contact: str = Field("", description="e-mail or page put into the user agent")
    honour_opt_out: bool = Field(True, description="pass over what X-Robots-Tag opts out of")
    stop_on_source_change: bool = Field(
        True, description="stop when a source suddenly sends rubbish"
    )
    commit_rows: int = Field(256, ge=1, description="images between two commits")
    decode_workers: int = Field(
        default_factory=lambda: min(8, os.cpu_count() or 1), ge=1, description="for intake"
    )


class CurateSettings(Section):
    """Votes, duplicates, groups, labels."""

    duplicate_bits: int = Field(
        6, ge=0, le=32, description="largest Hamming distance of near duplicates, of 64 bits"
    )
    duplicate_search: Literal["quick", "thorough"] = Field(
        "quick",
        description="quick: re-encoded, resized, turned and mirrored copies, by hash, and what is "
        "near by its embedding, cropped, framed and captioned ones, too; thorough: these without "
        "embeddings, at some ten times the cost",
    )
    duplicate_min_cosine: float = Field(
        0.7, gt=0, le=1, description="least cosine of embeddings of images that are compared"
    )
    duplicate_embedding: str = Field(
        "any",
        description="column of embeddings whose neighbours are compared, too; any: the first that "
        "there is; none",
    )
    embed: bool = Field(
        True,
        description="embed images before copies are searched, where torch is installed and the "
        "weights are on this machine; nothing is downloaded for it",
    )
    group_broad_names: tuple[str, ...] = Field(
        (
            "sun",
            "moon",
            "earth",
            "mercury",
            "venus",
            "mars",
            "jupiter",
            "saturn",
            "uranus",
            "neptune",
            "pluto",
            "lmc",
            "smc",
            "milky way",
        ),
        description="objects with too many images to be one group: only their series are",
    )
    group_max_share: float = Field(
        0.05, gt=0, le=1, description="of all images, in a group tied by names, series or albums"
    )
    group_min_bound: int = Field(
        24, ge=2, description="such a group may always be as large as this, images"
    )
    group_max_album: int = Field(
        24, ge=2, description="largest album that counts as one subject, images"
    )
    min_label_confidence: float = Field(
        0.65, ge=0, le=1, description="below it the label is left open"
    )
    label_model: Literal["bayes", "crowdlab"] = Field(
        "bayes", description="how votes become a label: their stated weights, or their agreement"
    )
    zero_shot_model: str = Field(
        "",
        description="text-image model of the zero-shot voter, such as "
        "'hf-hub:laion/CLIP-ViT-B-32-laion2B-s34B-b79K' or 'local-dir:FOLDER'; empty: not asked",
    )
    trained_runs: tuple[str, ...] = Field(
        (), description="trained runs that vote: names of this project's, or folders of runs"
    )
    trained_run_min_confidence: float = Field(
        0.5, ge=0, le=1, description="a run that is less sure than this says nothing"
    )
    disabled_voters: tuple[str, ...] = Field((), description="names of voters that are not asked")
    probe_min_label_confidence: float = Field(
        0.8, ge=0, le=1, description="least confidence of labels that the image voter learns from"
    )
    relevance_threshold: float = Field(
        0.93, ge=0, le=1, description="below it an image is flagged as irrelevant"
    )
    mislabel_threshold: float = Field(
        0.8, ge=0, le=1, description="a label less likely than this is flagged as a mislabel"
    )


class SplitSettings(Section):
    """Dividing images into train, val and test."""

    train: float = Field(0.6, gt=0, lt=1)
    val: float = Field(0.2, gt=0, lt=1)
    test: float = Field(0.2, gt=0, lt=1)
    hold_out: tuple[str, ...] = Field((), description="sources or collections that are test only")
    folds: int = Field(
        0, ge=0, le=100, description="also deal train and val to so many folds; 0: to none"
    )
    include_reject: bool = Field(True, description="deal images of the reject class, too")
    include_unlabelled: bool = Field(
        True, description="deal images without a label, too: a verdict may give them one"
    )


WEIGHTS_WORDS = ("pretrained", "random", "bundled")


class LearnSettings(Section):
    """Training."""

    backbone: str = Field("resnet50", description="any timm model")
    weights: str = Field(
        "pretrained",
        description="'pretrained' (timm's, from the model hub or an earlier download), 'random', "
        "'bundled' (a small net trained on rendered images), or a safetensors file",
    )
    weights_mean: tuple[float, float, float] | None = Field(None, description="override for a file")
    weights_std: tuple[float, float, float] | None = Field(None, description="override for a file")
    timm_kwargs: dict[str, Any] = Field(default_factory=dict, description="for timm")
    image_size_px: int | None = Field(None, ge=16, le=2048, description="side of the input, px")
    workers: int = Field(default_factory=lambda: min(4, os.cpu_count() or 1), ge=0)
    accelerator: str = Field("auto", description="auto, cpu, gpu, ...")
    devices: int = Field(1, ge=1, description="GPUs that train together")
    threads: int | None = Field(None, ge=1, description="torch threads; None: torch's choice")


class SweepSettings(Section):
    """A search of recipe keys: ``cosmic sweep``."""

    trials: int = Field(20, ge=1, description="points of the space that are tried, in all")
    space: dict[str, Any] = Field(
        default_factory=dict,
        description="for each key of a recipe a list of values, or a range: "
        "{low = 0.001, high = 0.1, log = true}",
    )


class EvaluateSettings(Section):
    """Measuring."""

    bootstrap_resamples: int = Field(1000, ge=50, description="resamples of the 95 % interval")
    coverage_level: float = Field(
        0.8, gt=0, le=1, description="share of images answered, for the precision of sure answers"
    )
    precision_level: float = Field(
        0.98, gt=0, le=1, description="share of right answers, for how many can be answered"
    )
    report_samples: int = Field(12, ge=0, le=60, description="sample images of a class")
    report_mistakes: int = Field(24, ge=0, le=200, description="worst mistakes of a run")
    report_saliency: int = Field(
        2, ge=0, le=10, description="right and wrong answers a class with what speaks for them"
    )
    saliency_images: int = Field(
        40, ge=1, le=5000, description="images on which the share of saliency is measured"
    )
    report_probe: bool = Field(True, description="report how well embeddings tell the collection")


Job = TypeVar("Job", bound=Section)


class CollectJob(Section):
    """One source to collect from (``[[collect_from]]``)."""

    source: str = "nasa"
    queries: tuple[str, ...] = Field((), description="search words; none: those of the taxonomy")
    root: str = Field("", description="another address, such as a replica's; empty: the archive")
    rendered: bool = Field(False, description="what stands at root was rendered: it is credited so")
    limit: int | None = Field(None, ge=1, description="at most so many images")
    options: dict[str, Any] = Field(default_factory=dict, description="for the source")

    @field_validator("queries")
    @classmethod
    def _are_words(cls, queries: tuple[str, ...]) -> tuple[str, ...]:
        # An empty one would ask an archive for everything.
        if any(not each.strip() for each in queries):
            msg = "a search word is empty"
            raise ValueError(msg)
        return queries


class ImportJob(Section):
    """One folder to import (``[[import_from]]``)."""

    path: Path
    name: str = "folder"
    csv: Path | None = None
    columns: dict[str, str] = Field(default_factory=dict, description="our name = CSV's name")
    only: dict[str, str] = Field(
        default_factory=dict, description="rows of the CSV: column = value, or '!value'"
    )
    follow_links: bool = Field(
        default=False, description="take in what links out of the folder lead to"
    )


def job_of(kind: type[Job], **given: Any) -> Job:
    """A job as the command line gives it.

    Raises
    ------
    SettingsError
        A value is not valid; the error names it.

    Examples
    --------
    >>> job_of(RunJob, name="probe").name
    'probe'
    """
    try:
        return kind(**given)
    except ValidationError as error:
        raise _settings_error(error, None) from error


class SynthesizeJob(Section):
    """Rendered images to add."""

    per_class: int = Field(0, ge=0, description="images a class; 0: none")
    size_px: int = Field(256, ge=32, le=2048)


class ReplicaJob(Section):
    """A replica to start for the run, and to collect from (``[replica]``)."""

    images: Path | None = None
    catalogue: Path | None = None
    where: dict[str, str] = Field(default_factory=dict, description="rows of the catalogue")
    rendered: dict[str, int] = Field(default_factory=dict, description="images a class, drawn")


class ReviewJob(Section):
    """People's verdicts to import (``[[review]]``)."""

    path: Path
    only_split: str = Field("", description="take verdicts on images of this split only")


class AuditJob(Section):
    """Checked labels to measure voters and checks by (``[audit]``); nothing learns from them."""

    path: Path
    columns: dict[str, str] = Field(default_factory=dict, description="our name = CSV's name")
    id_prefix: str = Field("", description="put before each id")
    subset: Literal["", "dev", "held-out"] = Field(
        "", description="half of the groups of the table; empty: all"
    )


class RunJob(Section):
    """One training run (``[[train]]``)."""

    name: str
    recipe: str = "linear-probe"
    label_column: str = Field("label", description="'label', or the name of one voter")
    init_from: str = Field("", description="name of the run that this one goes on from")


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix="COSMIC_", env_nested_delimiter="__", extra="forbid"
    )
    said_in_file: ClassVar[dict[str, Any]] = {}

    atlas: str = Field("cosmic-atlas", description="folder or address of the atlas")
    out: Path = Field(Path("cosmic-out"), description="folder of runs and reports")
    seed: int = Field(DEFAULT_SEED, ge=0, lt=2**32, description="of every random choice")
    taxonomy: Path | None = Field(None, description="another taxonomy file")
    storage_options: dict[str, str] = Field(default_factory=dict, description="for object stores")

    imaging: ImagingSettings = Field(default_factory=ImagingSettings)
    collect: CollectSettings = Field(default_factory=CollectSettings)
    curate: CurateSettings = Field(default_factory=CurateSettings)
    split: SplitSettings = Field(default_factory=SplitSettings)
    learn: LearnSettings = Field(default_factory=LearnSettings)
    sweep: SweepSettings = Field(default_factory=SweepSettings)
    evaluate: EvaluateSettings = Field(default_factory=EvaluateSettings)

    replica: ReplicaJob | None = None
    synthesize: SynthesizeJob = Field(default_factory=SynthesizeJob)
    collect_from: tuple[CollectJob, ...] = ()
    import_from: tuple[ImportJob, ...] = ()
    review: tuple[ReviewJob, ...] = ()
    audit: AuditJob | None = None
    train: tuple[RunJob, ...] = ()

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
    cosmic_morphology.errors.SettingsError: lost.toml: there is no such settings file
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
        raise _settings_error(error, file if is_there else None) from error
    if not is_there:
        return settings
    from_file: set[str] = {
        key for key in ("atlas", "out") if key in said and key not in given and not _in_environ(key)
    }
    return _with_paths_beside(settings, file.parent, from_file)


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


def _settings_error(error: ValidationError, file: Path | None) -> SettingsError:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    where = f"{file}: {key}" if file else key
    if first["type"] == "extra_forbidden":
        section: Any = Settings
        for part in first["loc"][:-1]:
            if isinstance(part, str) and hasattr(section, "model_fields"):
                annotation = section.model_fields[part].annotation
                section = next(
                    (
                        a
                        for a in (annotation, *getattr(annotation, "__args__", ()))
                        if hasattr(a, "model_fields")
                    ),
                    section,
                )
        known = suggest_names(str(first["loc"][-1]), sorted(section.model_fields))
        return SettingsError("there is no such setting", where=where, todo=known)
    # What was given may be a secret, or a book.
    given = "" if "storage_options" in key else f" (got {first.get('input')!r:.80})"
    return SettingsError(
        f"{first['msg']}{given}",
        where=where,
        todo="See the reference of settings for what it may be.",
    )


def _with_paths_beside(settings: Settings, folder: Path, from_file: set[str]) -> Settings:
    def beside(path: Path | None) -> Path | None:
        return path if path is None or path.is_absolute() else folder / path

    settings.taxonomy = beside(settings.taxonomy)
    if "atlas" in from_file and "://" not in settings.atlas:
        settings.atlas = str(folder / settings.atlas)
    if "out" in from_file:
        settings.out = folder / settings.out
    if settings.replica:
        settings.replica.images = beside(settings.replica.images)
        settings.replica.catalogue = beside(settings.replica.catalogue)
    for job in settings.import_from:
        job.path, job.csv = folder / job.path, beside(job.csv)
    for verdicts in settings.review:
        verdicts.path = folder / verdicts.path
    if settings.audit:
        settings.audit.path = folder / settings.audit.path
    # A bare name is that of a run of this project, whose folder is known.
    settings.curate.trained_runs = tuple(
        str(folder / each) if "/" in each else each for each in settings.curate.trained_runs
    )
    if settings.learn.weights not in WEIGHTS_WORDS:
        settings.learn.weights = str(folder / settings.learn.weights)
    return settings
