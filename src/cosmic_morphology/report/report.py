"""The report: one page that opens from disk, with everything that was measured and found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas, credit_ledger
from cosmic_morphology.errors import UsageError
from cosmic_morphology.evaluate.breakdown import class_tables, part_tables
from cosmic_morphology.evaluate.compare import Comparison, compare_runs
from cosmic_morphology.evaluate.evaluate import evaluate_run
from cosmic_morphology.evaluate.scored_run import ScoredRun, leading_run
from cosmic_morphology.learn.run_folder.folder import Run, read_run
from cosmic_morphology.report import plots
from cosmic_morphology.report.audit_section import audited
from cosmic_morphology.report.figures import to_svg, write_png
from cosmic_morphology.report.gallery import explore_section
from cosmic_morphology.report.html import write_page
from cosmic_morphology.report.overview import summarise_atlas
from cosmic_morphology.report.pipeline_summary import PipelineCounts, count_pipeline
from cosmic_morphology.report.provenance import packages, run_rows, stage_stamps
from cosmic_morphology.report.sections import optional_sections, shown_mistakes
from cosmic_morphology.report.studies_section import finished_studies
from cosmic_morphology.settings import DEFAULT_SEED, EvaluateSettings
from cosmic_morphology.stats.score import LABEL_KINDS
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy

_COPY_SETS = 12
_MOST_CREDITS = 1000
# What a leakage report that is handed in need not say.
_CERTIFICATE: dict[str, Any] = {
    "leaks": 0,
    "leaks_by_kind": {},
    "found": (),
    "images": {},
    "groups": {},
    "classes": {},
    "ratios": {},
    "compared": 0,
    "allowed_across_splits": {},
    "searched": (),
    "not_looked_for": (),
    "left_out": {},
    "grouped_by": "groups",
    "atlas_version": "unknown",
}


def write_report(
    atlas: Atlas,
    *,
    out: Path,
    runs: Sequence[Path] = (),
    scored: Sequence[ScoredRun] = (),
    certificate: Mapping[str, Any] | None = None,
    summary: Mapping[str, Any] | None = None,
    settings: EvaluateSettings | None = None,
    seed: int = DEFAULT_SEED,
    taxonomy: Taxonomy | None = None,
    extra: Mapping[str, Any] | None = None,
    audit: Mapping[str, Any] | None = None,
    studies: Path | None = None,
) -> Path:
    """Write ``<out>/report/index.html``: one file, no network, and its figures as PNG beside it.

    Parameters
    ----------
    atlas : Atlas
        Only read.
    out : Path
        The report goes into its folder ``report``.
    runs : sequence of Path
        Folders of runs, which are scored for the page; those that have not predicted the test
        images are named, not scored.
    scored : sequence of ScoredRun
        Runs that were scored on their own classes already; they stand before ``runs``.
    certificate : mapping, optional
        What ``check_leakage`` found, as JSON-able values.
    summary : mapping, optional
        ``summary.json`` of the pipeline, for what only that run knows (refusals, seconds).
    settings : EvaluateSettings, optional
        Resamples, and how many images are shown.
    seed : int
        Of the resamples.
    taxonomy : Taxonomy, optional
        Order of the classes, and the reject class.
    extra : mapping, optional
        Sections that were made already, by their names in
        :class:`cosmic_morphology.report.sections.OptionalSections`, such as ``ablation``.
    audit : mapping, optional
        What ``cosmic audit`` measured, as JSON-able values.
    studies : Path, optional
        Folder of studies, whose conclusions and curves are shown.

    Returns
    -------
    Path
        The page.

    Examples
    --------
    >>> page = cosmic.write_report(judged, out=Path("out"), runs=[run.path])
    >>> page.name, "galaxy" in page.read_text()
    ('index.html', True)
    """
    settings = settings or EvaluateSettings()
    taxonomy = taxonomy or load_taxonomy()
    known = {each.facts.path for each in scored}
    to_score = [read_run(folder) for folder in runs if folder not in known]
    scored_runs, not_scored = _score(atlas, to_score, settings, seed)
    scored_runs = [*scored, *scored_runs]
    facts = [*(each.facts for each in scored), *to_score]
    depth = optional_sections(atlas, scored_runs, extra or {}, settings=settings, seed=seed)
    contents = summarise_atlas(atlas, taxonomy=taxonomy)
    credited = credit_ledger(atlas)
    account = count_pipeline(
        atlas, taxonomy, summary, resamples=settings.bootstrap_resamples, seed=seed
    )
    content = {
        "title": _title(account),
        "atlas_version": str(atlas.version),
        "written_at": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "runs": scored_runs,
        "ranked": _leading_first(scored_runs),
        "notes": _notes(scored_runs),
        "class_tables": class_tables(scored_runs),
        "part_tables": part_tables(scored_runs, depth.target_size),
        "not_scored": not_scored,
        "boards": _boards(scored_runs, settings, seed),
        "audit": audited(audit),
        "studies": finished_studies(studies),
        "account": account,
        "explore": explore_section(
            atlas, contents, samples=settings.report_samples, copy_sets=_COPY_SETS
        ),
        "certificate": _complete(certificate, contents.classes),
        "curves": _curves(facts),
        "reliability": _reliability(scored_runs),
        "mistakes": {
            each.facts.name: shown_mistakes(atlas, each, settings=settings) for each in scored_runs
        },
        "provenance": {
            "packages": packages(),
            "runs": run_rows(facts),
            "stages": stage_stamps(atlas),
            "seed": seed,
            "bootstrap": settings.bootstrap_resamples,
        },
        "credits": credited[:_MOST_CREDITS],
        "more_credits": max(len(credited) - _MOST_CREDITS, 0),
        "peak_memory_mb": (summary or {}).get("peak_memory_mb"),
        "depth": depth,
    }
    _write_plots(out / "report" / "plots", scored_runs, facts)
    return write_page(out / "report" / "index.html", "report.html.j2", content)


def _leading_first(scored_runs: Sequence[ScoredRun]) -> list[ScoredRun]:
    """The run that val has chosen, then the others by what they score."""
    if not scored_runs:
        return []
    first = leading_run(scored_runs)
    others = [each for each in scored_runs if each is not first]
    return [first, *sorted(others, key=lambda each: -each.scores.macro_f1.value)]


def _title(account: PipelineCounts) -> str:
    is_rendered = account.rendered and account.rendered == account.images
    return f"Cosmic Morphology report{' on rendered images' if is_rendered else ''}"


def _score(
    atlas: Atlas, facts: Sequence[Run], settings: EvaluateSettings, seed: int
) -> tuple[list[ScoredRun], dict[str, str]]:
    scored_runs: list[ScoredRun] = []
    not_scored: dict[str, str] = {}
    for run in facts:
        try:
            evaluation = evaluate_run(
                atlas,
                run.name,
                classes=run.classes,
                settings=settings,
                seed=seed,
                reject_below=run.reject_below,
            )
        except UsageError as error:
            not_scored[run.name] = error.what
        else:
            scored_runs.append(ScoredRun(run, evaluation))
    return scored_runs, not_scored


def _notes(scored_runs: Sequence[ScoredRun]) -> list[str]:
    """Notes of the evaluations; what holds for all runs is said once."""
    runs: dict[str, list[str]] = {}
    for each in scored_runs:
        for note in each.evaluation.notes:
            runs.setdefault(note, []).append(each.facts.name)
    return [
        f"{note[0].upper()}{note[1:]}"
        if len(names) == len(scored_runs)
        else f"{', '.join(names)}: {note}"
        for note, names in runs.items()
    ]


def _complete(
    certificate: Mapping[str, Any] | None, order: Mapping[str, int]
) -> dict[str, Any] | None:
    """A certificate with everything that the page reads, its classes in the page's order."""
    if not certificate:
        return None
    found = {**_CERTIFICATE, **certificate}
    place = {name: at for at, name in enumerate(order)}
    found["classes"] = dict(
        sorted(found["classes"].items(), key=lambda item: place.get(item[0], len(place)))
    )
    return found


def _boards(
    scored_runs: Sequence[ScoredRun], settings: EvaluateSettings, seed: int
) -> list[Comparison]:
    """Comparisons of the runs that share their classes, for each kind of label."""
    boards = []
    for classes in dict.fromkeys(each.evaluation.classes for each in scored_runs):
        same = [each.evaluation for each in scored_runs if each.evaluation.classes == classes]
        for kind in LABEL_KINDS:
            scored = [each for each in same if getattr(each, kind)]
            if len(scored) > 1:
                boards.append(compare_runs(scored, settings=settings, seed=seed, labels=kind))
    return boards


def _curves(facts: Sequence[Run]) -> dict[str, str]:
    return {
        run.name: to_svg(
            plots.training_curves(run.history),
            f"curves-{at}",
            f"Training curves of {run.name}: losses, and macro-F1 on the val split, by epoch.",
        )
        for at, run in enumerate(facts)
        if run.history.get("epoch")
    }


def _reliability(scored_runs: Sequence[ScoredRun]) -> str:
    bins = {each.facts.name: each.scores.reliability for each in scored_runs}
    if not bins:
        return ""
    return to_svg(
        plots.reliability(bins),
        "reliability",
        "Reliability plots: share of right answers against the probability that was said.",
    )


def _write_plots(folder: Path, scored_runs: Sequence[ScoredRun], facts: Sequence[Run]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for run in facts:
        if run.history.get("epoch"):
            write_png(plots.training_curves(run.history), folder / f"curves-{run.name}.png")
    for each in scored_runs:
        figure = plots.confusion(each.scores.confusion, each.evaluation.classes)
        write_png(figure, folder / f"confusion-{each.facts.name}.png")
    for classes in dict.fromkeys(each.evaluation.classes for each in scored_runs):
        same = {
            e.facts.name: e.scores.per_class for e in scored_runs if e.evaluation.classes == classes
        }
        write_png(plots.per_class_f1(same), folder / f"per-class-{len(classes)}.png")
    if scored_runs:
        bins = {each.facts.name: each.scores.reliability for each in scored_runs}
        write_png(plots.reliability(bins), folder / "reliability.png")
