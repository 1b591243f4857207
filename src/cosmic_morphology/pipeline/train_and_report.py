"""From labels to models, scores and the report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_morphology.errors import TrainingError
from cosmic_morphology.pipeline.context import Context, read_if_there
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE
from cosmic_morphology.pipeline.stages import AUDIT_FILE
from cosmic_morphology.pipeline.summary import RunScore
from cosmic_morphology.settings import RunJob

if TYPE_CHECKING:
    from cosmic_morphology.evaluate import EvaluateResult
    from cosmic_morphology.learn import Run

GROUPED_BY = "duplicates, object, series and lineage"


def train_and_evaluate(context: Context, tell: Callable[[str], None]) -> None:
    """Train every run of the settings, predict, and score on the test split."""
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
        score = _score(context, job, run, model.classes)
        context.summary.runs.append(score)
        tell(
            f"{job.name}: macro-F1 {score.macro_f1:.3f} "
            f"[{score.ci95[0]:.3f}, {score.ci95[1]:.3f}], n={score.n_test}, "
            f"{score.labels} labels, grouped by {score.grouped_by}"
        )


def _score(context: Context, job: RunJob, run: Run, classes: Sequence[str]) -> RunScore:
    from cosmic_morphology.evaluate import evaluate_run
    from cosmic_morphology.evaluate.judgement import judge_scores

    found: EvaluateResult = evaluate_run(
        context.atlas,
        job.name,
        classes=classes,
        settings=context.settings.evaluate,
        seed=context.settings.seed,
        run_folder=run.path,
    )
    best = found.best_known
    if best is None:
        raise TrainingError("no test image has a label to score on", where=job.name)
    judged = judge_scores(best)
    return RunScore(
        name=job.name,
        recipe=job.recipe,
        backbone=context.settings.learn.backbone,
        weights=run.weights,
        trained_on=job.labels,
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


def write_run_report(context: Context, *, trained: bool = True) -> Path:
    """One self-contained page with everything that this run found."""
    from cosmic_morphology.report import write_report

    jobs = context.settings.train if trained else ()
    return write_report(
        context.atlas,
        out=context.out,
        runs=[context.out / "runs" / job.name for job in jobs],
        certificate=read_if_there(context.out / CERTIFICATE_FILE),
        audit=read_if_there(context.out / AUDIT_FILE),
        studies=context.out / "studies",
        summary=context.summary.to_dict(),
        settings=context.settings.evaluate,
        seed=context.settings.seed,
        taxonomy=context.taxonomy,
    )
