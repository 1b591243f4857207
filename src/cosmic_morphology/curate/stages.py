"""The order of curation: one list of stages, which ``cosmic curate`` and ``cosmic run`` share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cosmic_morphology.atlas import Atlas, embedding_columns, level_columns
from cosmic_morphology.atlas.stage import Stage, TitledProgress, no_progress
from cosmic_morphology.curate.duplicates.find import (
    DuplicateResult,
    compared_column,
    find_duplicates,
)
from cosmic_morphology.curate.groups import keys
from cosmic_morphology.curate.groups.group import GroupResult, group_images
from cosmic_morphology.curate.labels.assign import LabelResult, label
from cosmic_morphology.curate.labels.checks import CheckResult
from cosmic_morphology.curate.labels.mislabels import check_mislabels
from cosmic_morphology.curate.labels.relevance import check_relevance
from cosmic_morphology.curate.votes import zero_shot
from cosmic_morphology.curate.votes.cast import VoteResult, vote
from cosmic_morphology.curate.votes.trained_runs import (
    TrainedVoter,
    TrainedVoteResult,
    columns_of_run,
    predict_with_runs,
)
from cosmic_morphology.curate.votes.zero_shot import ZeroShotResult, ask_zero_shot
from cosmic_morphology.display import Shown
from cosmic_morphology.engine import Engine
from cosmic_morphology.errors import UsageError
from cosmic_morphology.settings import Settings
from cosmic_morphology.taxonomy import Taxonomy, load_taxonomy


def _no_voters() -> Sequence[TrainedVoter]:
    raise UsageError(
        "the settings let trained runs vote, and none was handed in",
        where="curate.votes.trained_runs",
        todo="Use `cosmic curate`, which loads them, or give them as trained=[TrainedVoter(…)].",
    )


@dataclass(slots=True, kw_only=True)
class Curation:
    """What every stage of curation is given.

    Attributes
    ----------
    atlas, settings, taxonomy
        What is worked on, and how.
    progress : callable
        Opens a progress bar for a title.
    trained_voters : callable
        Loads the runs of ``curate.votes.trained_runs``: only a room above knows networks.
    """

    atlas: Atlas
    settings: Settings
    taxonomy: Taxonomy
    progress: TitledProgress = no_progress
    trained_voters: Callable[[], Sequence[TrainedVoter]] = _no_voters

    @classmethod
    def of(
        cls,
        atlas: Atlas,
        *,
        taxonomy: Taxonomy | None = None,
        settings: Settings | None = None,
        progress: TitledProgress | None = None,
        trained: Sequence[TrainedVoter] | None = None,
    ) -> Curation:
        """What stages are given where a caller names only some of it."""
        settings = settings or Settings()
        return cls(
            atlas=atlas,
            settings=settings,
            taxonomy=taxonomy or load_taxonomy(settings.taxonomy),
            progress=progress or no_progress,
            trained_voters=_no_voters if trained is None else lambda: trained,
        )


@dataclass(frozen=True, slots=True, repr=False)
class CurateResult(Shown):
    """What :func:`curate_images` did, stage by stage.

    Attributes
    ----------
    duplicates, votes, groups, labels
        Results of these stages.
    relevance, mislabels : CheckResult
        What the checks flag.
    zero_shot : ZeroShotResult or None
        Of the text-image model, where one was asked.
    runs : dict of str to TrainedVoteResult
        Of each trained run that was asked.
    """

    duplicates: DuplicateResult
    votes: VoteResult
    groups: GroupResult
    labels: LabelResult
    relevance: CheckResult
    mislabels: CheckResult
    zero_shot: ZeroShotResult | None = None
    runs: dict[str, TrainedVoteResult] = field(default_factory=dict)


def curate_images(
    atlas: Atlas,
    *,
    taxonomy: Taxonomy | None = None,
    settings: Settings | None = None,
    progress: TitledProgress | None = None,
    trained: Sequence[TrainedVoter] | None = None,
) -> CurateResult:
    """Find duplicates, collect votes, group images that belong together, label and check them.

    Runs :data:`CURATION` in its order. Nothing is deleted, and where nothing has changed since,
    nothing is written.

    Parameters
    ----------
    atlas : Atlas
        Read and written.
    taxonomy : Taxonomy, optional
        Classes and text rules; without it that of the settings.
    settings : Settings, optional
        ``curate``, ``seed`` and ``taxonomy`` are read; without it their defaults.
    progress : callable, optional
        Opens, for the title of a stage, a context that gives what is called with (done, in all).
    trained : sequence of TrainedVoter, optional
        The runs that ``curate.votes.trained_runs`` names, loaded.

    Returns
    -------
    CurateResult
        What each stage did.

    Raises
    ------
    UsageError
        There are no images, or the settings name runs and none were given.

    Examples
    --------
    >>> done = cosmic.curate_images(atlas)
    >>> done.labels.labels["galaxy"], done.groups.images
    (8, 24)
    """
    atlas.need_images()
    context = Curation.of(
        atlas, taxonomy=taxonomy, settings=settings, progress=progress, trained=trained
    )
    # All of them, stale or not: one that is up to date writes nothing, and tells what there is.
    done = {each: each.run(context) for each in CURATION if each.is_enabled(context.settings)}
    relevance, mislabels = done[CHECKS]
    return CurateResult(
        duplicates=done[DUPLICATES],
        votes=done[VOTES],
        groups=done[GROUPS],
        labels=done[LABELS],
        relevance=relevance,
        mislabels=mislabels,
        zero_shot=done.get(ZERO_SHOT),
        runs=done.get(RUNS, {}),
    )


def _duplicates(context: Curation) -> DuplicateResult:
    with context.progress("comparing images") as report:
        return find_duplicates(
            context.atlas,
            settings=context.settings.curate,
            progress=report,
            engine=Engine.of(context.settings),
        )


def _votes(context: Curation) -> VoteResult:
    with context.progress("voting") as report:
        engine = Engine.of(context.settings)
        return vote(context.atlas, **_how(context), progress=report, engine=engine)


def _zero_shot(context: Curation) -> ZeroShotResult:
    with context.progress("describing") as report:
        engine = Engine.of(context.settings)
        return ask_zero_shot(context.atlas, **_how(context), progress=report, engine=engine)


def _groups(context: Curation) -> GroupResult:
    return group_images(context.atlas, settings=context.settings.curate)


def _runs(context: Curation) -> dict[str, TrainedVoteResult]:
    voters = context.trained_voters()
    with context.progress("asking runs") as report:
        return predict_with_runs(context.atlas, voters, **_how(context), progress=report)


def _labels(context: Curation) -> LabelResult:
    with context.progress("weighing votes") as report:
        seed = context.settings.seed
        engine = Engine.of(context.settings)
        return label(context.atlas, **_how(context), progress=report, seed=seed, engine=engine)


def _checks(context: Curation) -> tuple[CheckResult, CheckResult]:
    how = {**_how(context), "engine": Engine.of(context.settings)}
    return check_relevance(context.atlas, **how), check_mislabels(context.atlas, **how)


def _how(context: Curation) -> dict[str, Any]:
    return {"taxonomy": context.taxonomy, "settings": context.settings.curate}


def _compared(context: Curation) -> tuple[str, ...]:
    """The column that copies are searched by: it may be filled after a run has gone without."""
    column = compared_column(context.atlas, context.settings.curate.duplicates.embedding)
    return (column,) if column else ()


def _evidence(context: Curation) -> tuple[str, ...]:
    """Columns of the models that are asked: one may change under its name."""
    curate = context.settings.curate
    asked = (zero_shot.COLUMN,) if curate.votes.zero_shot_model else ()
    of_runs = (column for run in curate.votes.trained_runs for column in columns_of_run(run))
    return (*embedding_columns(context.atlas), *asked, *of_runs)


def _evidence_and_looks(context: Curation) -> tuple[str, ...]:
    """The same, and what look-alikes are told by."""
    return (*_evidence(context), *level_columns(context.atlas))


def _duplicate_parameters(settings: Settings) -> Any:
    return settings.curate.duplicates.model_dump()


def _group_parameters(settings: Settings) -> Any:
    return settings.curate.groups.model_dump()


def _label_parameters(settings: Settings) -> Any:
    own = settings.curate.model_dump(include={"votes", "labels"})
    return own, str(settings.taxonomy), settings.seed


def _check_parameters(settings: Settings) -> Any:
    return _label_parameters(settings), settings.curate.checks.model_dump()


_LABEL_READS = ("votes", "source", "collection", "duplicate_of", "group", "split")

DUPLICATES: Stage[Curation] = Stage(
    "duplicates",
    _duplicates,
    reads=("source", "lineage"),
    optional_reads=_compared,
    writes=("duplicate_of",),
    parameters=_duplicate_parameters,
    depends_on_verdicts=True,
)
VOTES: Stage[Curation] = Stage("votes", _votes)
ZERO_SHOT: Stage[Curation] = Stage(
    "zero-shot", _zero_shot, is_enabled=lambda settings: bool(settings.curate.votes.zero_shot_model)
)
GROUPS: Stage[Curation] = Stage(
    "groups",
    _groups,
    reads=keys.COLUMNS,
    writes=("group", "group_reason"),
    parameters=_group_parameters,
)
RUNS: Stage[Curation] = Stage(
    "runs", _runs, is_enabled=lambda settings: bool(settings.curate.votes.trained_runs)
)
LABELS: Stage[Curation] = Stage(
    "labels",
    _labels,
    reads=_LABEL_READS,
    optional_reads=_evidence,
    writes=("label", "label_confidence", "label_kind"),
    parameters=_label_parameters,
    depends_on_verdicts=True,
)
CHECKS: Stage[Curation] = Stage(
    "checks",
    _checks,
    reads=_LABEL_READS,
    optional_reads=_evidence_and_looks,
    writes=("relevance_score", "mislabel_score"),
    parameters=_check_parameters,
    depends_on_verdicts=True,
)

LABELLING: tuple[Stage[Curation], ...] = (DUPLICATES, VOTES, ZERO_SHOT, GROUPS, RUNS, LABELS)
"""What a split needs; a pipeline splits after these and labels again."""
CURATION: tuple[Stage[Curation], ...] = (*LABELLING, CHECKS)
"""All of it, in order."""
