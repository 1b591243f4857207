"""Each stage: what it reads, what changes its result, and the call that runs it.

A stage is up to date when it has finished before on the same parameters and the same columns,
images and verdicts. Stages that talk to the outside (collect, import, review) always run: they
fetch only what is missing and store nothing twice. So do those that work row by row (embed,
votes, zero-shot, runs): they fill the rows that lack their columns.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cosmic_morphology.errors import CosmicError, SettingsError
from cosmic_morphology.io_utils import write_text
from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.pipeline.embedding import embed, embed_for_training
from cosmic_morphology.pipeline.splitting import certify, split
from cosmic_morphology.settings import Settings

AUDIT_FILE = "audit.json"
"""Beside the report, which shows it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the pipeline.

    Attributes
    ----------
    name : str
        As shown to people.
    run : callable
        Does the work on a :class:`Context`.
    wanted : callable
        Whether the settings ask for it.
    reads : tuple of str
        Columns whose change makes it stale; empty: it always runs (and is cheap when repeated).
    parameters : callable
        The settings that change its result.
    hears_verdicts : bool
        Whether a new verdict of a person makes it stale.
    also_reads : callable
        Columns that some settings add to ``reads``.
    """

    name: str
    run: Callable[[Context], None]
    is_enabled: Callable[[Settings], bool]
    reads: tuple[str, ...] = ()
    parameters: Callable[[Settings], Any] = lambda _: None
    depends_on_verdicts: bool = False
    optional_reads: Callable[[Settings], tuple[str, ...]] = lambda _: ()


def collect(context: Context) -> None:
    """Fetch images from archives (or from their replica)."""
    from cosmic_morphology.collect import collect_images as collect_from
    from cosmic_morphology.imaging import ImageLimits

    settings = context.settings
    for job in settings.collect_from:
        asked = job
        if job.root == "replica":
            rendered = bool(settings.replica and settings.replica.rendered)
            asked = job.model_copy(update={"root": context.replica_root, "rendered": rendered})
        with context.progress(f"collecting from {job.source}") as report:
            done = collect_from(
                context.atlas,
                asked,
                settings.collect,
                context.taxonomy,
                limits=ImageLimits(**settings.imaging.model_dump()),
                progress=report,
            )
        _count_failures(context, done.failed)


def import_folders(context: Context) -> None:
    """Bring in folders and archives of images."""
    from cosmic_morphology.collect.import_folder import import_folder
    from cosmic_morphology.imaging import ImageLimits

    for job in context.settings.import_from:
        with context.progress(f"importing {job.name}") as report:
            done = import_folder(
                context.atlas,
                job.path,
                name=job.name,
                csv=job.csv,
                columns=job.columns or None,
                only=job.only or None,
                follow_links=job.follow_links,
                taxonomy=context.taxonomy,
                limits=ImageLimits(**context.settings.imaging.model_dump()),
                progress=report,
            )
        _count_failures(context, done.refused)
        if done.shortfall:
            raise CosmicError(done.shortfall, where=str(job.path))


def synthesize(context: Context) -> None:
    """Add rendered images."""
    from cosmic_morphology.synthesize.to_atlas import synthesize_into

    job = context.settings.synthesize
    counts = dict.fromkeys(context.taxonomy.names, job.per_class)
    with context.progress("rendering") as report:
        synthesize_into(
            context.atlas,
            counts,
            seed=context.settings.seed,
            size_px=job.size_px,
            progress=report,
        )


def duplicates(context: Context) -> None:
    """Find copies of the same image."""
    from cosmic_morphology.curate import find_duplicates

    with context.progress("comparing images") as report:
        find_duplicates(context.atlas, settings=context.settings.curate, progress=report)


def votes(context: Context) -> None:
    """Let the voters speak."""
    from cosmic_morphology.curate import vote

    with context.progress("voting") as report:
        vote(
            context.atlas,
            taxonomy=context.taxonomy,
            settings=context.settings.curate,
            progress=report,
        )


def zero_shot(context: Context) -> None:
    """Let a text-image model say what the images show."""
    from cosmic_morphology.curate import ask_zero_shot

    with context.progress("describing") as report:
        ask_zero_shot(
            context.atlas,
            taxonomy=context.taxonomy,
            settings=context.settings.curate,
            progress=report,
        )


def trained(context: Context) -> None:
    """Let runs that were trained before say what the images show."""
    from cosmic_morphology.curate import predict_with_runs
    from cosmic_morphology.pipeline.trained_voters import place_of_run, runs_that_vote

    settings = context.settings
    own = {(context.out / "runs" / job.name).resolve() for job in settings.train}
    for run in settings.curate.trained_runs:
        if place_of_run(run, settings).resolve() in own:
            raise SettingsError(
                "a run cannot vote on the labels that it is to be trained on",
                where=f"curate.trained_runs: {run}",
                todo="Train under another name, or take it out of curate.trained_runs.",
            )
    with context.progress("asking runs") as report:
        predict_with_runs(
            context.atlas,
            runs_that_vote(context.atlas, settings, context.taxonomy),
            taxonomy=context.taxonomy,
            settings=settings.curate,
            progress=report,
        )


def groups(context: Context) -> None:
    """Tie together what no split may part."""
    from cosmic_morphology.curate import group_images

    group_images(context.atlas, settings=context.settings.curate)


def labels(context: Context) -> None:
    """Weigh the votes; people's verdicts win."""
    from cosmic_morphology.curate import label

    with context.progress("weighing votes") as report:
        label(
            context.atlas,
            taxonomy=context.taxonomy,
            settings=context.settings.curate,
            progress=report,
            seed=context.settings.seed,
        )


def checks(context: Context) -> None:
    """Flag what does not belong, and labels that the evidence contradicts."""
    from cosmic_morphology.curate import check_mislabels, check_relevance

    for check in (check_relevance, check_mislabels):
        check(context.atlas, taxonomy=context.taxonomy, settings=context.settings.curate)


def review(context: Context) -> None:
    """Take in people's verdicts."""
    from cosmic_morphology.curate import import_verdicts

    for job in context.settings.review:
        import_verdicts(
            context.atlas, job.path, only_split=job.only_split, taxonomy=context.taxonomy
        )


def audit(context: Context) -> None:
    """Measure voters and checks by labels that people have checked, for the report."""
    from cosmic_morphology.curate import audit_labels

    job = context.settings.audit
    if job is not None:
        found = audit_labels(
            context.atlas,
            job.path,
            taxonomy=context.taxonomy,
            columns=job.columns,
            id_prefix=job.id_prefix,
            subset=job.subset,
            seed=context.settings.seed,
        )
        write_text(context.out / AUDIT_FILE, found.to_json())


def _count_failures(context: Context, failed: Any) -> None:
    for kind, number in dict(failed).items():
        name = str(getattr(kind, "value", kind))
        context.summary.failed[name] = context.summary.failed.get(name, 0) + int(number)


_LABEL_READS = ("votes", "source", "collection", "duplicate_of", "group", "split")


def _models(settings: Settings) -> tuple[str, ...]:
    """Columns of the models that are asked: one may change under its name."""
    from cosmic_morphology.curate.votes.trained_runs import columns_of_run

    asked = ("zero_shot",) if settings.curate.zero_shot_model else ()
    return (
        *asked,
        *(column for run in settings.curate.trained_runs for column in columns_of_run(run)),
    )


def _label_parameters(settings: Settings) -> Any:
    return settings.curate.model_dump(), str(settings.taxonomy), settings.seed


def _embeddings(settings: Settings) -> tuple[str, ...]:
    """The column that copies may be searched by: it may be filled after a run has gone without."""
    from cosmic_morphology.learn.data.embedding_names import embedding_column

    return (embedding_column(settings.learn.backbone),)


STAGES: tuple[Stage, ...] = (
    Stage("collect", collect, lambda s: bool(s.collect_from)),
    Stage("import", import_folders, lambda s: bool(s.import_from)),
    Stage("synthesize", synthesize, lambda s: s.synthesize.per_class > 0),
    Stage("embed", embed, lambda _: True),
    Stage(
        "duplicates",
        duplicates,
        lambda _: True,
        ("source", "lineage"),
        lambda s: s.curate.model_dump(),
        optional_reads=_embeddings,
    ),
    Stage("votes", votes, lambda _: True),
    Stage("zero-shot", zero_shot, lambda s: bool(s.curate.zero_shot_model)),
    Stage(
        "groups",
        groups,
        lambda _: True,
        ("title", "names", "lineage", "albums", "created_at", "credit", "source", "duplicate_of"),
        lambda s: s.curate.model_dump(),
    ),
    Stage("runs", trained, lambda s: bool(s.curate.trained_runs)),
    Stage(
        "labels",
        labels,
        lambda _: True,
        _LABEL_READS,
        _label_parameters,
        depends_on_verdicts=True,
        optional_reads=_models,
    ),
    Stage(
        "split",
        split,
        lambda _: True,
        ("group", "duplicate_of", "lineage", "label", "source", "collection"),
        lambda s: (s.split.model_dump(), s.seed),
    ),
    Stage("review", review, lambda s: bool(s.review)),
    # Random weights see nothing: a net from scratch learns from the pixels instead.
    Stage(
        "embed for training",
        embed_for_training,
        lambda s: bool(s.train) and s.learn.weights != "none",
    ),
    # Now the test split is known and learned from no more, and verdicts count.
    Stage(
        "labels again",
        labels,
        lambda _: True,
        _LABEL_READS,
        _label_parameters,
        depends_on_verdicts=True,
        optional_reads=_models,
    ),
    Stage(
        "checks", checks, lambda _: True, _LABEL_READS, _label_parameters, depends_on_verdicts=True
    ),
    # The last to write labels is done: a run that is repeated finds the same to prove.
    Stage("certify", certify, lambda _: True),
    Stage("audit", audit, lambda s: s.audit is not None),
)
