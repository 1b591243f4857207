"""What is trained where nobody says what: two references, and the recipe that is best here."""

from __future__ import annotations

from collections.abc import Callable

from cosmic_morphology.settings import LearnSettings, RunJob

REFERENCE, SECOND_STEP = "linear-probe", "finetune"
"""What everybody begins with: a new linear layer, then the last stages."""
TWO_BACKBONES, ONE_BACKBONE = "two-backbones", "multilayer-probe"
"""The best recipes by ``benchmarks/results/learn.csv``: with two backbones, and with one."""


def default_runs(
    learn: LearnSettings, *, hub: Callable[[], bool] = lambda: False, finetune: bool = True
) -> tuple[RunJob, ...]:
    """The references on a backbone, and the best recipe that this machine can do.

    Parameters
    ----------
    learn : LearnSettings
        The backbone and its weights.
    hub : callable
        Whether what is not on this machine may be downloaded; asked only if it matters.
    finetune : bool
        Whether the last stages are trained, too: without a GPU that takes minutes to hours.
    """
    jobs = [RunJob(name=REFERENCE, recipe=REFERENCE)]
    if finetune:
        jobs.append(RunJob(name=SECOND_STEP, recipe=SECOND_STEP, init_from=REFERENCE))
    best = _best_recipe(learn, hub)
    return (*jobs, *([RunJob(name=best, recipe=best)] if best else []))


def _best_recipe(learn: LearnSettings, hub: Callable[[], bool]) -> str:
    from cosmic_morphology.learn.models.at_hand import why_not_at_hand
    from cosmic_morphology.learn.models.backbones import has_intermediate_features
    from cosmic_morphology.learn.models.presets import settings_of
    from cosmic_morphology.learn.recipes import load_recipe

    # Bundled and random weights are for machines and tests that go without pretrained ones.
    if learn.weights not in ("bundled", "random"):
        wanted = [settings_of(learn, name) for name in load_recipe(TWO_BACKBONES).backbones]
        lacking = [each for each in wanted if why_not_at_hand(each)]
        if not lacking or (all(each.weights == "pretrained" for each in lacking) and hub()):
            return TWO_BACKBONES
    return ONE_BACKBONE if has_intermediate_features(learn) else ""
