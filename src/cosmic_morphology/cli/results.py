"""The results table of a run, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cosmic_morphology.pipeline import Summary


def show_results(summary: Summary) -> None:
    """Print what was collected and every score with n, interval, labels and grouping."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    console.print(
        f"{summary.collected} pictures, {summary.duplicates} duplicates, "
        f"{summary.dropped} dropped as no object of the taxonomy, "
        f"{sum(summary.failed.values())} refused; "
        f"split: {summary.split['train']} train, {summary.split['val']} val, "
        f"{summary.split['test']} test in {summary.split['groups']} groups, "
        f"{summary.split['leaks']} leaks"
    )
    table = Table(title="Scores on the test split")
    for heading in ("run", "trained on", "macro-F1 [95 %]", "accuracy", "n", "scored on"):
        table.add_column(heading)
    for run in summary.runs:
        table.add_row(
            f"{run.name} ({run.recipe}, {run.backbone}, weights: {run.weights})",
            run.trained_on,
            f"{run.macro_f1:.3f} [{run.ci95[0]:.3f}, {run.ci95[1]:.3f}]",
            f"{run.accuracy:.3f}",
            str(run.n_test),
            f"{run.labels} labels",
        )
    console.print(table)
    if summary.runs:
        console.print(f"No group parted: {summary.runs[0].grouped_by}.")
    minutes = sum(summary.seconds.values()) / 60
    console.print(f"{minutes:.1f} minutes, peak memory {summary.peak_memory_mb / 1000:.1f} GB")
    console.print(f"report: {summary.report}", soft_wrap=True)
