"""The whole way on rendered images: no network, no data and no accelerator needed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from cosmic_morphology.atlas.stage import TitledProgress
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import UsageError
from cosmic_morphology.pipeline.default_runs import default_runs
from cosmic_morphology.pipeline.runner import run
from cosmic_morphology.pipeline.summary import PipelineResult
from cosmic_morphology.settings import (
    CollectJob,
    CollectSettings,
    LearnSettings,
    ReplicaJob,
    ReviewJob,
    RunJob,
    Settings,
)
from cosmic_morphology.taxonomy import load_taxonomy


def demo(
    out: Path,
    *,
    per_class: int = 80,
    seed: int = 20261122,
    offline: bool = False,
    engine: Engine | None = None,
    progress: TitledProgress | None = None,
    tell: Callable[[str], None] = lambda _: None,
) -> PipelineResult:
    """Render an archive, serve it on loopback, and run the pipeline on it.

    Parameters
    ----------
    out : Path
        Folder of the archive, the atlas, the runs and the report.
    per_class : int
        Rendered images a class, and of junk.
    seed : int
        Of every random choice.
    offline : bool
        Take the small bundled net, without looking for the model hub.
    engine : Engine, optional
        Where columns are filled; without it on this machine.
    progress, tell : callable, optional
        As :func:`cosmic_morphology.pipeline.run` has them.

    Returns
    -------
    PipelineResult
        What ``summary.json`` holds.

    Raises
    ------
    UsageError
        The small net has learned from the images of this seed.

    Examples
    --------
    >>> from cosmic_morphology.learn.models.weights import about_bundled
    >>> cosmic.demo(Path("demo"), seed=about_bundled()["seed"], offline=True)
    Traceback (most recent call last):
        ...
    cosmic_morphology.errors.UsageError: seed ...: the small bundled net ...
    """
    pretrained = not offline and _hub_answers(tell)
    settings = demo_settings(out, per_class, seed, pretrained)
    if engine is not None:
        settings.engine, settings.local, settings.ray = engine.kind, engine.local, engine.ray
    return run(settings, progress=progress, tell=tell)


def demo_settings(out: Path, per_class: int, seed: int, pretrained: bool) -> Settings:
    """The settings of the demo: a pretrained ResNet50, or the small bundled net."""
    counts = dict.fromkeys(load_taxonomy().names_with_reject, per_class)
    if pretrained:
        learn = LearnSettings(backbone="resnet50", weights="pretrained")
    else:
        _check_unseen(seed)
        learn = LearnSettings(
            backbone="mobilenetv3_small_075", weights="bundled", image_size_px=128
        )
    return Settings(
        atlas=str(out / "atlas"),
        out=out,
        seed=seed,
        learn=learn,
        collect=CollectSettings(requests_per_s=1000),
        replica=ReplicaJob(rendered=counts),
        sources=(CollectJob(type="nasa", root="replica"),),
        review=(ReviewJob(path=out / "archive" / "verdicts.csv", only_split="test"),),
        train=(
            RunJob(name="search-words", recipe="linear-probe", label_column="search_word"),
            *default_runs(learn, hub=lambda: pretrained),
        ),
    )


def _hub_answers(tell: Callable[[str], None]) -> bool:
    from cosmic_morphology.learn import hub_reachable

    if hub_reachable():
        tell("model hub: reachable; the demo uses a pretrained ResNet50")
        return True
    tell("model hub: no answer; the demo takes a small net that has seen rendered images only")
    return False


def _check_unseen(seed: int) -> None:
    """The bundled net has seen rendered images: the demo's have to be others."""
    from cosmic_morphology.learn.models.weights import about_bundled

    if seed == about_bundled()["seed"]:
        raise UsageError(
            "the small bundled net has learned from the images of this seed",
            where=f"seed {seed}",
            todo="Take another one: scores on these images would mean nothing.",
        )
