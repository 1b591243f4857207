"""Many runs on one split: lists, or a search of values; a stopped one resumes."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cosmic_morphology.display import Tabular
from cosmic_morphology.errors import CosmicError, UsageError
from cosmic_morphology.io_utils import Progress, write_text
from cosmic_morphology.learn.data.dataset import Example, TrainingSource
from cosmic_morphology.learn.recipes import load_recipe
from cosmic_morphology.learn.run_folder.folder import Run, read_run, run_folder
from cosmic_morphology.learn.sweep_space import Space, Values, read_space
from cosmic_morphology.learn.sweep_study import search
from cosmic_morphology.learn.training.runner import source_of, train
from cosmic_morphology.settings import LearnSettings, RunJob
from cosmic_morphology.taxonomy import Taxonomy

if TYPE_CHECKING:
    from cosmic_morphology.atlas import Atlas

# Where and how fast it is trained changes no score.
_OF_THE_MACHINE = {"accelerator", "cache_gb", "devices", "nodes", "threads", "workers"}


@dataclass(frozen=True, slots=True, repr=False)
class SweepResult(Tabular):
    """What a sweep made.

    Attributes
    ----------
    runs : tuple of Run
        Those that finished, the best on the val split first.
    failed : dict of str to str
        Names of the others, with why.
    tried : dict of str to dict
        What was tried in each run, by name, where values were searched.
    """

    runs: tuple[Run, ...]
    failed: dict[str, str]
    tried: dict[str, dict[str, Any]] = field(default_factory=dict)

    def _shown_facts(self) -> Iterator[tuple[str, Any]]:
        yield "runs", [run.name for run in self.runs]
        yield "failed", self.failed

    def rows(self) -> list[dict[str, Any]]:
        """One row for each run, the best first: what it is, its metrics, what was tried in it."""
        return [
            {
                "run": run.name,
                "recipe": run.recipe,
                "backbone": run.backbone,
                **run.metrics,
                **self.tried.get(run.name, {}),
            }
            for run in self.runs
        ]


@dataclass(frozen=True, slots=True)
class _Planned:
    """One run to make."""

    name: str
    recipe: str
    learn: LearnSettings
    seed: int


def sweep_runs(
    atlas: Atlas | TrainingSource,
    *,
    recipes: Sequence[str],
    backbones: Sequence[LearnSettings],
    seeds: Sequence[int],
    taxonomy: Taxonomy,
    out: Path,
    labels: str = "label",
    name: str = "sweep",
    space: Mapping[str, Any] | None = None,
    trials: int = 20,
    progress: Progress | None = None,
) -> SweepResult:
    """Train every recipe on every backbone with every seed, or search values of recipe keys.

    Finished runs are not made again. One that fails is noted and the others go on. Scores are
    those of the val split: test images are never read.

    Parameters
    ----------
    atlas : Atlas or TrainingSource
        One split for all.
    recipes : sequence of str
        Names or TOML files.
    backbones : sequence of LearnSettings
        Each with its weights.
    seeds : sequence of int
        Of the random choices of training.
    taxonomy : Taxonomy
        The classes.
    out : Path
        Runs go to ``<out>/runs/<recipe>-<backbone>-s<seed>``; those of a search to
        ``<out>/runs/<name>-t<trial>-s<seed>``, their recipes and the study to
        ``<out>/sweeps/<name>``.
    labels : str
        ``label``, or one voter.
    name : str
        Of the sweep.
    space : mapping, optional
        Values and ranges of recipe keys, as :func:`read_space` takes them. With it, ``trials``
        points are tried, each with all seeds and compared by their mean; recipes and backbones are
        chosen from, too.
    trials : int
        Points of the space in all, with those of calls before.
    progress : callable, optional
        Called with runs (trials, in a search) done and in all.

    Raises
    ------
    UsageError
        Nothing to train, two runs would have one name, or a search of this name began otherwise.
    SettingsError
        The space asks for what no recipe has.
    """
    if space:
        return _search(
            source_of(atlas),
            read_space(space),
            recipes=recipes,
            backbones=backbones,
            seeds=seeds,
            taxonomy=taxonomy,
            out=out,
            labels=labels,
            name=name,
            trials=trials,
            progress=progress,
        )
    planned = [
        _Planned(sweep_name(recipe, learn.backbone, seed), recipe, learn, seed)
        for learn in backbones
        for recipe in recipes
        for seed in seeds
    ]
    _check_names_differ([each.name for each in planned])
    runs: list[Run] = []
    failed: dict[str, str] = {}
    for done, each in enumerate(planned):
        runs += _trained(atlas, each, taxonomy, out, labels, failed)
        if progress:
            progress(done + 1, len(planned))
    return SweepResult(_best_first(runs), failed)


def _trained(
    atlas: Atlas | TrainingSource,
    planned: _Planned,
    taxonomy: Taxonomy,
    out: Path,
    labels: str,
    failed: dict[str, str],
) -> list[Run]:
    """The run; none where it cannot be trained, which is noted."""
    job = RunJob(name=planned.name, recipe=planned.recipe, label_column=labels)
    try:
        return [
            train(atlas, job, learn=planned.learn, taxonomy=taxonomy, seed=planned.seed, out=out)
        ]
    except CosmicError as error:
        failed[planned.name] = str(error)
    return []


def _best_first(runs: Sequence[Run]) -> tuple[Run, ...]:
    return tuple(sorted(runs, key=lambda run: -run.metrics.get("val_macro_f1", 0.0)))


def _search(
    table: TrainingSource,
    space: Space,
    *,
    recipes: Sequence[str],
    backbones: Sequence[LearnSettings],
    seeds: Sequence[int],
    taxonomy: Taxonomy,
    out: Path,
    labels: str,
    name: str,
    trials: int,
    progress: Progress | None,
) -> SweepResult:
    run_folder(out, name)  # a name that can be none is told before the long work
    _check_names_differ(
        [sweep_name(r, b.backbone, s) for b in backbones for r in recipes for s in seeds]
    )
    folder = out / "sweeps" / name
    by_name = {each.backbone: each for each in backbones}
    lists = {"backbone": list(by_name), "recipe": list(recipes)}

    def objective(number: int, values: dict[str, Any]) -> float | str:
        recipe = values.get("recipe", recipes[0])
        learn = by_name[values.get("backbone", backbones[0].backbone)]
        file = folder / f"{name}-t{number:03d}.toml"
        changed = {key: value for key, value in values.items() if key not in lists}
        write_text(file, _recipe_text(recipe, changed, folder))
        failed: dict[str, str] = {}
        planned = [_Planned(_trial_name(name, number, s), str(file), learn, s) for s in seeds]
        made = [_trained(table, each, taxonomy, out, labels, failed) for each in planned]
        scores = [run.metrics.get("val_macro_f1") for runs in made for run in runs]
        if failed:
            return next(iter(failed.values()))
        known = [each for each in scores if each is not None]
        return sum(known) / len(known) if known else "the val split is empty: there is no score"

    ended = search(
        folder,
        space | {key: Values(tuple(each)) for key, each in lists.items() if len(each) > 1},
        trials=trials,
        seed=seeds[0],
        began_with={
            "recipes": [load_recipe(each).model_dump() for each in recipes],
            "backbones": [each.model_dump(exclude=_OF_THE_MACHINE) for each in backbones],
            "seeds": list(seeds),
            "labels": [labels, _hash_of(table.examples(labels))],
        },
        objective=objective,
        progress=progress,
    )
    names = {
        _trial_name(name, trial.number, seed): trial
        for trial in sorted(ended, key=lambda trial: -trial.score)
        for seed in seeds
    }
    return SweepResult(
        runs=tuple(read_run(run_folder(out, each)) for each in names if names[each].why == ""),
        failed={each: trial.why for each, trial in names.items() if trial.why},
        tried={each: trial.values for each, trial in names.items()},
    )


def _trial_name(name: str, number: int, seed: int) -> str:
    return f"{name}-t{number:03d}-s{seed}"


def _recipe_text(recipe: str, changed: Mapping[str, Any], folder: Path) -> str:
    """The recipe of a trial, to train with again: JSON's numbers, texts and lists are TOML's."""
    if Path(recipe).suffix == ".toml":
        recipe = Path(os.path.relpath(Path(recipe).resolve(), folder.resolve())).as_posix()
    lines = [f"extends = {json.dumps(recipe)}"]
    # Keys with a dot make their table by themselves.
    lines += [f"{key} = {json.dumps(value)}" for key, value in changed.items()]
    return "\n".join(lines) + "\n"


def _hash_of(examples: Sequence[Example]) -> str:
    return hashlib.sha256(repr(sorted(map(repr, examples))).encode()).hexdigest()[:16]


def _check_names_differ(names: Sequence[str]) -> None:
    if not names:
        raise UsageError(
            "a sweep needs a recipe, a backbone and a seed",
            where="sweep",
            todo="Name at least one of each.",
        )
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise UsageError(
            "two runs of the sweep would have one name",
            where=twice[0],
            todo="Give each recipe, backbone and seed once; recipes by names that differ.",
        )


def sweep_backbones(
    learn: LearnSettings,
    backbones: Sequence[str],
    *,
    for_all: Sequence[str] = (),
    for_one: Mapping[str, str] | None = None,
) -> list[LearnSettings]:
    """The settings of each backbone of a sweep, with its weights.

    Parameters
    ----------
    learn : LearnSettings
        What holds where nothing is given.
    backbones : sequence of str
        Their names; none: that of ``learn``.
    for_all : sequence of str
        At most one: the weights of all that have none of their own.
    for_one : mapping of str to str, optional
        Weights by backbone.

    Raises
    ------
    UsageError
        Weights are for a backbone that is not swept, or are given twice for all.
    """
    own = for_one or {}
    unknown = set(own) - set(backbones)
    if len(for_all) > 1 or unknown:
        raise UsageError(
            "--weights is given once for all backbones, or as BACKBONE=FILE",
            where=", ".join(sorted(unknown) or for_all),
            todo="Name each backbone once, or give one file for all.",
        )
    common = for_all[0] if for_all else learn.weights
    return [
        learn.model_copy(update={"backbone": name, "weights": own.get(name, common)})
        for name in backbones or [learn.backbone]
    ]


def sweep_name(recipe: str, backbone: str, seed: int) -> str:
    """Name of a run of a sweep."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", f"{Path(recipe).stem}-{backbone}".replace("-", "--"))
    return f"{plain[:52]}-s{seed}"
