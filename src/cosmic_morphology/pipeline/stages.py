"""The stages in order: those that bring images, curation, the split, and what follows it.

Stages that talk to the outside (collect, import, review) always run: they fetch only what is
missing and store nothing twice. So do those that work row by row (embed, votes, zero-shot, runs):
they fill the rows that lack their columns. The others say what they read, and
:func:`cosmic_morphology.atlas.stage.is_stale` decides.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cosmic_morphology.atlas.stage import Stage
from cosmic_morphology.curate.stages import CHECKS, LABELLING, LABELS
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import CosmicError
from cosmic_morphology.io_utils import write_json
from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.pipeline.embedding import embed, embed_for_training
from cosmic_morphology.pipeline.splitting import certify, is_certified, split

AUDIT_FILE = "audit.json"
"""Beside the report, which shows it."""


def collect(context: Context) -> None:
    """Fetch images from archives (or from their replica)."""
    from cosmic_morphology.collect import collect_by_settings

    settings = context.settings
    for job in settings.archives:
        asked = job
        if job.root == "replica":
            rendered = bool(settings.replica and settings.replica.rendered)
            asked = job.model_copy(update={"root": context.replica_root, "rendered": rendered})
        with context.progress(f"collecting from {job.type}") as report:
            done = collect_by_settings(
                context.atlas, asked, settings, taxonomy=context.taxonomy, progress=report
            )
        _count_failures(context, done.failed)


def import_folders(context: Context) -> None:
    """Bring in folders and archives of images."""
    from cosmic_morphology.collect.import_folder import import_folder
    from cosmic_morphology.imaging import ImageLimits

    for job in context.settings.folders:
        with context.progress(f"importing {job.name}") as report:
            done = import_folder(
                context.atlas,
                job.path,
                name=job.name,
                csv=job.csv,
                columns=job.columns or None,
                row_filter=job.row_filter or None,
                follow_links=job.follow_links,
                taxonomy=context.taxonomy,
                limits=ImageLimits(**context.settings.imaging.model_dump()),
                engine=Engine.of(context.settings),
                progress=report,
            )
        _count_failures(context, done.refused)
        if done.shortfall:
            raise CosmicError(
                done.shortfall,
                where=str(job.path),
                todo="See what was left out above: names of columns, paths and filters.",
            )


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
            engine=Engine.of(context.settings),
            progress=report,
        )


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
        write_json(context.out / AUDIT_FILE, found)


def _count_failures(context: Context, failed: Any) -> None:
    for kind, number in dict(failed).items():
        name = str(getattr(kind, "value", kind))
        context.summary.failed[name] = context.summary.failed.get(name, 0) + int(number)


STAGES: tuple[Stage[Context], ...] = (
    Stage("collect", collect, lambda s: bool(s.archives)),
    Stage("import", import_folders, lambda s: bool(s.folders)),
    Stage("synthesize", synthesize, lambda s: s.synthesize.per_class > 0),
    Stage("embed", embed),
    *LABELLING,
    Stage(
        "split",
        split,
        reads=("group", "duplicate_of", "lineage", "label", "source", "collection"),
        writes=("split",),
        parameters=lambda s: (s.split.model_dump(), s.seed),
    ),
    Stage("review", review, lambda s: bool(s.review)),
    # Random weights see nothing: a net from scratch learns from the pixels instead.
    Stage(
        "embed for training",
        embed_for_training,
        lambda s: bool(s.train) and s.learn.weights != "random",
    ),
    # Now the test split is known and learned from no more, and verdicts count.
    replace(LABELS, name="labels again"),
    CHECKS,
    # The last to write labels is done: a run that is repeated finds the same to prove.
    Stage("certify", certify, is_done=is_certified),
    Stage("audit", audit, lambda s: s.audit is not None),
)
