"""``cosmic run``: all stages in order, skipping what is up to date."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cosmic_morphology.atlas import Atlas, latest_decisions
from cosmic_morphology.atlas.stage import Stage, TitledProgress, is_stale, no_progress, run_stage
from cosmic_morphology.errors import SettingsError
from cosmic_morphology.evaluate.scored_run import ScoredRun, leading_run
from cosmic_morphology.pipeline.context import Context
from cosmic_morphology.pipeline.peak_memory import PeakMemory
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE
from cosmic_morphology.pipeline.rendered_archive import render_archive
from cosmic_morphology.pipeline.stages import STAGES
from cosmic_morphology.pipeline.summary import PipelineResult
from cosmic_morphology.pipeline.train_and_report import train_and_evaluate, write_run_report
from cosmic_morphology.pipeline.trained_voters import refuse_own_runs, runs_that_vote
from cosmic_morphology.settings import ReplicaJob, Settings
from cosmic_morphology.taxonomy import load_taxonomy


def run(
    settings: Settings,
    *,
    progress: TitledProgress | None = None,
    tell: Callable[[str], None] = lambda _: None,
    train_if: Callable[[Atlas], bool] = lambda _: True,
) -> PipelineResult:
    """Run the pipeline and write ``summary.json`` and ``report/`` into ``settings.out``.

    Parameters
    ----------
    settings : Settings
        What to collect, how to curate, what to train.
    progress : callable, optional
        Opens a progress bar for a title; called again for each stage.
    tell : callable, optional
        Is told one line for each stage.
    train_if : callable, optional
        Asked once images are labelled and split: whether to train on them; the report is written
        in any case.

    Returns
    -------
    PipelineResult
        What ``summary.json`` holds.

    Examples
    --------
    >>> from cosmic_morphology.settings import ImportJob, Settings
    >>> job = ImportJob(type="folder", path=images, name="mine", csv=catalogue)
    >>> settings = Settings(atlas="new", out=Path("out"), sources=(job,))
    >>> done = cosmic.run(settings, train_if=lambda atlas: False)
    >>> done.labels, done.split["leaks"]
    ({'galaxy': 8, 'nebula': 8, 'star': 8}, 0)
    """
    refuse_own_runs(settings)
    settings.out.mkdir(parents=True, exist_ok=True)
    options = settings.storage_options or None
    atlas = Atlas.create(settings.atlas, storage_options=options)
    taxonomy = load_taxonomy(settings.taxonomy)
    context = Context(
        settings=settings,
        atlas=atlas,
        taxonomy=taxonomy,
        out=settings.out,
        progress=progress or no_progress,
        trained_voters=lambda: runs_that_vote(atlas, settings, taxonomy),
    )
    # At one version of each table, and at those that the run commits: to ask anew at each stage
    # is a request for each table. What people say meanwhile counts in the next run.
    with PeakMemory() as memory, atlas.held():
        with _replica_for(
            settings.replica, settings, context.summary, tell
        ) as context.replica_root:
            for stage in STAGES:
                _run_stage(stage, context, tell)
        _fill_summary(context)
        scored: list[ScoredRun] = []
        if train_if(context.atlas):
            with _timed("train", context.summary):
                scored = train_and_evaluate(context, tell)
            context.summary.leading = leading_run(scored).facts.name if scored else ""
        with _timed("report", context.summary):
            context.summary.report = str(write_run_report(context, scored))
        tell(f"report: {context.summary.report}")
        context.summary.atlas_version = str(context.atlas.version)
    context.summary.peak_memory_mb = round(memory.peak_mb, 1)
    context.summary.atlas = context.atlas.address
    context.summary.write(settings.out / "summary.json")
    return context.summary


def _run_stage(stage: Stage[Context], context: Context, tell: Callable[[str], None]) -> None:
    if not stage.is_enabled(context.settings):
        return
    if not is_stale(stage, context):
        context.summary.skipped.append(stage.name)
        tell(f"{stage.name}: up to date")
        return
    with _timed(stage.name, context.summary):
        run_stage(stage, context)
    tell(f"{stage.name}: done in {context.summary.seconds[stage.name]:.1f} s")


@contextmanager
def _timed(name: str, summary: PipelineResult) -> Iterator[None]:
    began = time.perf_counter()
    try:
        yield
    finally:
        summary.seconds[name] = round(time.perf_counter() - began, 2)


@contextmanager
def _replica_for(
    job: ReplicaJob | None, settings: Settings, summary: PipelineResult, tell: Callable[[str], None]
) -> Iterator[str]:
    if job is None:
        yield ""
        return
    from cosmic_morphology.replica import ArchiveCatalogue, Replica

    images, catalogue = job.images, job.catalogue
    if job.rendered:
        with _timed("render", summary):
            images, catalogue = render_archive(
                settings.out / "archive", job.rendered, seed=settings.seed
            )
    if images is None or catalogue is None:
        raise SettingsError(
            "a replica has nothing to serve",
            where="replica",
            todo="Give images and catalogue, or rendered = {class = number}.",
        )
    holdings = ArchiveCatalogue.from_catalogue(
        Path(images), Path(catalogue), where=job.where or None
    )
    with Replica(holdings) as replica:
        tell(f"replica: serving at {replica.url}")
        yield replica.nasa_url


def _fill_summary(context: Context) -> None:
    """Fill the summary from the atlas: it counts what is there, not what this run did."""
    atlas, summary = context.atlas, context.summary
    rows = atlas.read(["id", "label", "duplicate_flag", "group", "split"]).to_pylist()
    dropped = {each.id for each in latest_decisions(atlas).values() if each.verdict == "drop"}
    summary.collected = atlas.count()
    summary.duplicates = sum(1 for row in rows if row["duplicate_flag"])
    summary.dropped = sum(
        1 for row in rows if row["label"] == context.taxonomy.reject or row["id"] in dropped
    )
    summary.labels = dict(sorted(Counter(row["label"] or "none" for row in rows).items()))
    proof = json.loads((context.out / CERTIFICATE_FILE).read_text("utf-8"))
    summary.not_looked_for = list(proof["not_looked_for"])
    splits = Counter(row["split"] or "none" for row in rows)
    summary.split = {
        "groups": len({row["group"] for row in rows if row["group"]}),
        "leaks": proof["leaks"],
        **{split: splits[split] for split in ("train", "val", "test", "none")},
    }
