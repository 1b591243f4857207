"""Trained runs are loaded and handed to the curating room, which knows nothing of networks."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_morphology.atlas import Atlas
from cosmic_morphology.errors import SettingsError
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import Taxonomy

if TYPE_CHECKING:
    from cosmic_morphology.curate import TrainedVoter


def runs_that_vote(atlas: Atlas, settings: Settings, taxonomy: Taxonomy) -> list[TrainedVoter]:
    """The runs of ``curate.votes.trained_runs``, ready to be asked.

    Raises
    ------
    InputError
        There is no such run, it has other classes, or a file of it is damaged.
    """
    from cosmic_morphology.curate import check_runs

    runs = [_voter(atlas, each, settings) for each in settings.curate.votes.trained_runs]
    check_runs(runs, taxonomy)
    return runs


def refuse_own_runs(settings: Settings) -> None:
    """Raise :class:`SettingsError` where a run votes on the labels that it is to be trained on."""
    own = {(settings.out / "runs" / job.name).resolve() for job in settings.train}
    for run in settings.curate.votes.trained_runs:
        if place_of_run(run, settings).resolve() in own:
            raise SettingsError(
                "a run cannot vote on the labels that it is to be trained on",
                where=f"curate.votes.trained_runs: {run}",
                todo="Train under another name, or take it out of curate.votes.trained_runs.",
            )


def place_of_run(run: str, settings: Settings) -> Path:
    """Folder of a run of the settings: a bare name is one of this project's runs."""
    return Path(run) if "/" in run else settings.out / "runs" / run


def _voter(atlas: Atlas, run: str, settings: Settings) -> TrainedVoter:
    from cosmic_morphology.curate import TrainedVoter, voter_of
    from cosmic_morphology.learn import load_trained_model, predictor_for_ids, read_training_record

    place = place_of_run(run, settings)
    model = load_trained_model(place, learn=settings.learn)
    learned = read_training_record(place)
    return TrainedVoter(
        name=voter_of(run),
        classes=model.classes,
        fingerprint=model.fingerprint(),
        learned=learned.ids if learned else None,
        groups=learned.groups if learned else None,
        answer=predictor_for_ids(atlas, model),
    )
