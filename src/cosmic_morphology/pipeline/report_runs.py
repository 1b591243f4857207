"""The report of given runs, from what this project has measured of them and of their data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.atlas.stage import TitledProgress
from cosmic_morphology.evaluate.scored_run import ScoredRun
from cosmic_morphology.pipeline.context import read_if_there
from cosmic_morphology.pipeline.proof import CERTIFICATE_FILE
from cosmic_morphology.pipeline.ranking import RunRanking, predict_test_split
from cosmic_morphology.pipeline.stages import AUDIT_FILE
from cosmic_morphology.report import write_report
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import load_taxonomy


def report_runs(
    atlas: Atlas,
    folders: Sequence[Path],
    *,
    settings: Settings,
    out: Path,
    progress: TitledProgress,
    ablated: Mapping[str, Path] | None = None,
    studies: Path | None = None,
) -> Path:
    """Write ``<out>/report/index.html`` for runs; those that have no predictions yet predict first.

    Parameters
    ----------
    atlas : Atlas
        Gets predictions where they are missing.
    folders : sequence of Path
        Folders of the runs, those of ``ablated`` among them; components are compared with the
        first one.
    settings : Settings
        ``settings.out`` is where the leakage report and the audit are looked for.
    out : Path
        The report goes into its folder ``report``.
    progress : callable
        For each run that predicts.
    ablated : mapping of str to Path, optional
        A component that the first run has, and the run that lacks it.
    studies : Path, optional
        Folder of studies, whose conclusions and curves are shown.

    Returns
    -------
    Path
        The page.
    """
    models = predict_test_split(atlas, folders, settings=settings, progress=progress)
    extra: dict[str, Any] = {}
    scored: list[ScoredRun] = []
    if ablated:
        ranking = RunRanking.of(atlas, models, {}, settings)
        scored = ranking.scored
        names = {component: models[run].name for component, run in ablated.items()}
        extra["ablation"] = ranking.ablation(models[folders[0]].name, names)
    return write_report(
        atlas,
        out=out,
        runs=folders,
        scored=scored,
        certificate=read_if_there(settings.out / CERTIFICATE_FILE),
        audit=read_if_there(settings.out / AUDIT_FILE),
        studies=studies,
        settings=settings.evaluate,
        seed=settings.seed,
        taxonomy=load_taxonomy(settings.taxonomy),
        extra=extra or None,
    )
