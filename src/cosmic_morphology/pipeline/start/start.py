"""``cosmic start``: from a folder of images to a report and a plain account of what was found."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.display import Shown
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.pipeline.default_runs import SECOND_STEP
from cosmic_morphology.pipeline.runner import run
from cosmic_morphology.pipeline.start.decide import (
    SETTINGS_FILE,
    default_out,
    settings_for_folder,
)
from cosmic_morphology.pipeline.start.findings import findings, is_trainable
from cosmic_morphology.pipeline.summary import PipelineResult
from cosmic_morphology.settings import LearnSettings, Settings
from cosmic_morphology.taxonomy import load_taxonomy

_BUNDLED = {"backbone": "mobilenetv3_small_075", "weights": "bundled", "image_size_px": 128}
_POOR = (
    "scores on real images will be poor: no pretrained weights are on this machine and the model "
    "hub does not answer, so the bundled net is taken, which has seen rendered images only"
)


@dataclass(frozen=True, slots=True, repr=False)
class StartResult(Shown):
    """What ``cosmic start`` found.

    Attributes
    ----------
    found : tuple of str
        Plain sentences, the most important first.
    next_commands : dict of str to str
        What to type next, and what it is for.
    report : str
        The page.
    settings : str
        The file that keeps what was decided; it can be changed, and ``cosmic run`` reads it.
    summary : PipelineResult
        What ``summary.json`` holds.
    """

    found: tuple[str, ...]
    next_commands: dict[str, str]
    report: str
    settings: str
    summary: PipelineResult


def start(
    folder: Path,
    out: Path | None = None,
    *,
    settings: Settings | None = None,
    csv: Path | None = None,
    columns: Mapping[str, str] | None = None,
    offline: bool = False,
    progress: Callable[[str], AbstractContextManager[Progress]] | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> StartResult:
    """Import, embed, curate, split, train, evaluate and report on one folder of images.

    Doing it twice changes nothing: the settings that were decided are in ``cosmic.toml`` in the
    folder of results, and are read again.

    Parameters
    ----------
    folder : Path
        Class folders, a folder with a CSV, or a zip of either.
    out : Path, optional
        Folder of everything it makes; without it ``<name of the folder>-cosmic``.
    settings : Settings, optional
        Seed, taxonomy, backbone and how to curate, split and evaluate.
    csv, columns
        As :func:`cosmic_morphology.import_folder` has them.
    offline : bool
        Do not look for the model hub.
    progress, tell : callable, optional
        As :func:`cosmic_morphology.pipeline.run` has them.

    Returns
    -------
    StartResult
        Findings, next commands and the report.

    Raises
    ------
    InputError
        There are no images in the folder, or none that can be used.
    UsageError
        ``out`` lies inside the folder, or belongs to another one.
    """
    out = default_out(folder) if out is None else out
    base = settings or Settings()
    file = out / SETTINGS_FILE

    @cache
    def hub() -> bool:
        from cosmic_morphology.learn import hub_reachable

        return not offline and hub_reachable()

    learn = base.learn if file.is_file() else _weights(base.learn, hub)
    decided = settings_for_folder(
        folder, out, base=base, learn=learn, hub=hub, csv=csv, columns=columns
    )
    if all(job.recipe != SECOND_STEP for job in decided.train):
        tell(f"fine-tuning is left out: without a GPU it would take hours; {file} can name it")
    used = decided.learn
    tell(_POOR if used.weights == "bundled" else f"backbone: {used.backbone}, {used.weights}")
    taxonomy = load_taxonomy(decided.taxonomy)
    summary = run(
        decided,
        progress=progress,
        tell=tell,
        train_if=lambda atlas: is_trainable(atlas, taxonomy),
    )
    atlas = Atlas.open(decided.atlas)
    return StartResult(
        found=tuple(findings(atlas, taxonomy, summary)),
        next_commands=_next_commands(file, summary),
        report=summary.report,
        settings=str(file),
        summary=summary,
    )


def _weights(learn: LearnSettings, hub: Callable[[], bool]) -> LearnSettings:
    """The weights of the settings, those at hand, those of the hub, or the bundled ones."""
    from cosmic_morphology.learn.models.at_hand import weights_at_hand, why_not_at_hand

    if learn.weights != "pretrained" or not why_not_at_hand(learn):
        return learn
    if hub():
        return learn
    return weights_at_hand(learn) or learn.model_copy(update=_BUNDLED)


def _next_commands(file: Path, summary: PipelineResult) -> dict[str, str]:
    config = f"--config {shlex.quote(str(file))}"
    commands = {f"cosmic review start {config}": "label and correct images, one key each"}
    if summary.leading:
        name = summary.leading
        commands[f"cosmic predict {name} NEW_IMAGES/ {config}"] = "classify other images"
        commands[f"cosmic export {name} --onnx model.onnx {config}"] = "one file for other programs"
    commands[f"cosmic run {config}"] = "the same again, with your verdicts"
    return commands
