"""From labels to models, scores and the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_morphology.io_utils import jsonable
from cosmic_morphology.pipeline.context import Context, read_if_there
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE
from cosmic_morphology.pipeline.stages import AUDIT_FILE
from cosmic_morphology.pipeline.summary import RunScore
from cosmic_morphology.settings import RunJob

if TYPE_CHECKING:
    from cosmic_morphology.evaluate import EvaluateResult
    from cosmic_morphology.evaluate.scored_run import ScoredRun
    from cosmic_morphology.learn import Run

GROUPED_BY = "duplicates, object, series and lineage"


def train_and_evaluate(context: Context, tell: Callable[[str], None]) -> list[ScoredRun]:
    """Train every run of the settings, predict, and score on the test split, once."""
    scored = []
    from cosmic_morphology.learn import load_trained_model, predict_images, train

    for job in context.settings.train:
        with context.progress(f"training {job.name}") as report:
            run = train(
                context.atlas,
                job,
                learn=context.settings.learn,
                taxonomy=context.taxonomy,
                seed=context.settings.seed,
                out=context.out,
                progress=report,
            )
        with context.progress(f"predicting with {job.name}") as report:
            model = load_trained_model(run.path)
            predict_images(context.atlas, model, where="split = 'test'", progress=report)
        found = _evaluate(context, run)
        scored.append(found)
        score = _score_of(job, run, found.evaluation)
        context.summary.runs.append(score)
        tell(
            f"{job.name}: macro-F1 {score.macro_f1:.3f} "
            f"[{score.ci95[0]:.3f}, {score.ci95[1]:.3f}], n={score.n_test}, "
            f"{score.labels} labels, grouped by {score.grouped_by}"
        )
    return scored


def _evaluate(context: Context, run: Run) -> ScoredRun:
    from cosmic_morphology.evaluate import evaluate_run
    from cosmic_morphology.evaluate.scored_run import ScoredRun
    from cosmic_morphology.learn.run_folder.folder import read_run

    found = evaluate_run(
        context.atlas,
        run.name,
        classes=run.classes,
        settings=context.settings.evaluate,
        seed=context.settings.seed,
        run_folder=run.path,
    )
    return ScoredRun(read_run(run.path), found)


def _score_of(job: RunJob, run: Run, found: EvaluateResult) -> RunScore:
    from cosmic_morphology.evaluate.judgement import judge_scores

    best = found.best_known
    judged = judge_scores(best)
    return RunScore(
        name=job.name,
        recipe=job.recipe,
        backbone=run.backbone,
        weights=run.weights,
        trained_on=job.label_column,
        macro_f1=best.macro_f1.value,
        ci95=best.macro_f1.interval,
        accuracy=best.accuracy.value,
        n_test=best.macro_f1.n,
        labels=best.labels,
        grouped_by=GROUPED_BY,
        n_groups=best.macro_f1.n_groups,
        guessing=judged.guessing,
        judgement=judged.sentence(),
    )


def write_run_report(context: Context, scored: Sequence[ScoredRun]) -> Path:
    """One self-contained page with everything that this run found."""
    from cosmic_morphology.report import write_report

    return write_report(
        context.atlas,
        out=context.out,
        scored=scored,
        certificate=read_if_there(context.out / CERTIFICATE_FILE),
        audit=read_if_there(context.out / AUDIT_FILE),
        studies=context.out / "studies",
        summary=jsonable(context.summary),
        settings=context.settings.evaluate,
        seed=context.settings.seed,
        taxonomy=context.taxonomy,
    )
