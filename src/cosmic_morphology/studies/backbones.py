"""Which backbone sees these images best: the same folds and the same head on each at hand.

Images of train and val are dealt into folds of whole groups. Every backbone whose weights are on
this machine looks at them once, a head is learned on what it sees, and all are tested on the same
images. Nothing is fetched, and images of the test split are not looked at: the default can be
changed by what stands here, and the test split still says how good the choice was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from cosmic_morphology.atlas import Atlas, content_hash
from cosmic_morphology.io_utils import Progress, whole_file
from cosmic_morphology.learn.data.atlas_source import AtlasSource
from cosmic_morphology.learn.data.embedder import Embedder
from cosmic_morphology.learn.models.at_hand import hub_id_of, why_not_at_hand
from cosmic_morphology.learn.models.backbones import build_backbone
from cosmic_morphology.learn.models.presets import PERMISSIVE
from cosmic_morphology.settings import Settings, StudySettings
from cosmic_morphology.stats import metrics
from cosmic_morphology.stats.bootstrap import group_numbers
from cosmic_morphology.stats.score import CHECKED, GROUPED_BY
from cosmic_morphology.studies.candidates import candidates, fetching, presets_lacking
from cosmic_morphology.studies.dataset import StudyDataset
from cosmic_morphology.studies.results import (
    BackboneDifferenceRow,
    BackboneScoreRow,
    DifferenceRow,
    ScoreRow,
    interval_of,
    listed,
)
from cosmic_morphology.studies.scoring import PredictionsAtPoint, at, gap, pooled
from cosmic_morphology.studies.train_head import HeadTask, recipe_named, train_and_predict
from cosmic_morphology.studies.trials import (
    Conclusion,
    Trial,
    TrialOutput,
    TrialPlan,
    TrialResult,
    parts_of_fold,
)

_AT_ONCE = 256


class BackboneStudy:
    """The backbones on this machine, and their trials.

    Parameters
    ----------
    settings : Settings
        ``learn`` is the default that the others are held against.
    atlas : Atlas
        Its thumbnails are read; nothing is written there.
    folder : Path
        What each backbone sees is kept in ``vectors`` there.
    weights : sequence of (str, str)
        Backbone and safetensors file, beside those of the cache.
    progress : callable, optional
        Called with images looked at and images to look at.

    Raises
    ------
    UsageError
        No weights of any backbone are on this machine.
    InputError
        A file of weights cannot be read, or belongs to another network.
    """

    def __init__(
        self,
        settings: Settings,
        atlas: Atlas,
        folder: Path,
        weights: Sequence[tuple[str, str]] = (),
        progress: Progress | None = None,
    ) -> None:
        self._atlas, self._folder, self._progress = atlas, folder / "vectors", progress
        self._default = settings.learn
        self.candidates = {each.name: each for each in candidates(settings.learn, weights)}
        at_hand = not why_not_at_hand(settings.learn)
        self.default = next(iter(self.candidates)) if at_hand else ""

    def grid(self, pool: StudyDataset, study: StudySettings) -> TrialPlan:
        """The trials of this study, and how one is done; every backbone looks first."""
        recipe = recipe_named(study.recipe, study.recipes)
        learned = np.sort(np.concatenate([pool.real("train"), pool.real("val")]))
        # Variants of an origin that is tested have no split of their own.
        learned = learned[~np.isin(pool.groups[learned], pool.groups[pool.splits == "test"])]
        scored = _scored(pool, learned)
        labels = [pool.classes[number] for number in pool.y_train[learned]]
        held = pool.groups[learned].tolist()
        ids = pool.ids[learned].tolist()
        files = self._look(ids)
        trials = [
            Trial(
                name, 0.0, seed, fold,
                {
                    "recipe": recipe.model_dump(mode="json"),
                    "folds": study.backbones.folds,
                    "seen": dict(each.seen),
                },
            )
            for seed in study.seeds
            for fold in range(study.backbones.folds)
            for name, each in self.candidates.items()
        ]  # fmt: skip

        def work(trial: Trial) -> TrialOutput:
            places = parts_of_fold(held, labels, trial, k=study.backbones.folds)
            train, val, test = (learned[place] for place in places)
            test = test[np.isin(test, scored)]
            vectors = np.load(files[trial.arm], allow_pickle=False)
            whole = np.zeros((len(pool), vectors.shape[1]), np.float32)
            whole[learned] = vectors
            seen = replace(pool, vectors=whole, column=trial.arm)
            task = HeadTask(train, val, test, pool.y_train, pool.weights)
            said = train_and_predict(seen, task, recipe, seed=trial.seed, threads=study.threads)
            return TrialOutput(test, said, len(train))

        return TrialPlan(trials, work, "")

    def _look(self, ids: Sequence[str]) -> dict[str, Path]:
        """Files of what each backbone sees of the images, made where they are not there."""
        files = {
            name: self._folder / f"{content_hash(each.seen, list(ids))}.npy"
            for name, each in self.candidates.items()
        }
        missing = [name for name, file in files.items() if not file.is_file()]
        for number, name in enumerate(missing):
            learn = self.candidates[name].learn
            see, source = Embedder(build_backbone(learn), learn), AtlasSource(self._atlas)
            parts = []
            for start in range(0, len(ids), _AT_ONCE):
                some = [data for _, data in source.thumbnails(ids[start : start + _AT_ONCE])]
                parts.append(see(some)[0])
                if self._progress:
                    done = number * len(ids) + start + len(some)
                    self._progress(done, len(missing) * len(ids))
            with whole_file(files[name]) as beside:
                np.save(beside, np.concatenate(parts))
        return files

    def reference_trial(
        self, place: PredictionsAtPoint, places: Sequence[PredictionsAtPoint]
    ) -> PredictionsAtPoint | None:
        """The default, where it is on this machine and not this one."""
        return at(places, self.default) if place.arm != self.default else None

    def score_rows(self, rows: Sequence[ScoreRow]) -> list[BackboneScoreRow]:
        """The same rows with what each backbone was."""
        found = []
        for row in rows:
            own = self.candidates[row.arm]
            found.append(
                BackboneScoreRow(
                    **asdict(row), model=own.seen["backbone"], weights=own.weights,
                    licence=own.licence, size_px=own.size_px, n_features=own.n_features,
                )
            )  # fmt: skip
        return found

    def difference_rows(self, rows: Sequence[DifferenceRow]) -> list[BackboneDifferenceRow]:
        """The same rows with the hashes of both files of weights."""
        return [
            BackboneDifferenceRow(
                **asdict(row),
                grouped_by=GROUPED_BY,
                weights=self.candidates[row.arm].weights,
                reference_weights=self.candidates[row.reference].weights,
            )
            for row in rows
        ]

    def conclude(
        self,
        pool: StudyDataset,
        places: Sequence[PredictionsAtPoint],
        study: StudySettings,
        cells: Sequence[TrialResult],
    ) -> Conclusion:
        """The conclusion, computed."""
        del cells
        n = study.bootstrap_resamples
        scores = {
            each.arm: pooled(pool, each.rows, each.said, metrics.macro_f1, resamples=n)
            for each in places
        }
        best = max(scores, key=lambda name: scores[name][0])
        rows = places[0].rows
        on = (
            f"{interval_of(*scores[best])}, on {len(rows)} images in "
            f"{group_numbers(pool.groups[rows])[1]} groups ({pool.kind_of(rows)} labels, whole "
            "groups apart)."
        )
        lines = [
            f"Of {len(scores)} backbones {best} has the highest macro-F1, {on}"
            if len(scores) > 1
            else f"Only {best} is on this machine: macro-F1 {on}"
        ]
        default = at(places, self.default)
        for each in places:
            if default is not None and each.arm != self.default:
                one = gap(pool, default, each, metrics.macro_f1, resamples=n)
                word = "better" if one.value > 0 else "worse"
                lines.append(
                    f"{each.arm} against the default, {self.default}: "
                    f"{interval_of(one.value, one.interval, signed=True)}, "
                    + (f"{word}." if one.is_significant else "which may be chance.")
                )
        if default is None:
            lines.append(
                f"The weights of the default, {self._default.backbone}, are not on this machine: "
                f"nothing is held against it. {fetching(self._default.backbone)}."
            )
        return Conclusion([*lines, *self._rights(), *self._absent()])

    def _rights(self) -> list[str]:
        found = [
            f"{each.name} ({each.licence})"
            for each in self.candidates.values()
            if each.licence not in PERMISSIVE
        ]
        if not found:
            return []
        return [f"Look at the licence of these weights before you use them: {listed(found)}."]

    def _absent(self) -> list[str]:
        own = hub_id_of(self._default.backbone)
        return [
            f"{name} is not in the cache of the model hub: {fetching(name)}."
            for name in presets_lacking([*self.candidates.values()])
            if hub_id_of(name) != own
        ]


def _scored(pool: StudyDataset, rows: np.ndarray) -> np.ndarray:
    """Rows that are scored: those that people checked alone, where they checked every class."""
    known = rows[pool.y_true[rows] < len(pool.classes)]
    checked = known[pool.kinds[known] == CHECKED]
    every = set(pool.y_true[checked].tolist()) == set(pool.y_true[known].tolist())
    return np.asarray(checked if every else known)
