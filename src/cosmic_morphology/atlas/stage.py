"""A stage: what it reads and writes, what changes its result, its call; and when it is stale."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from cosmic_morphology.atlas.atlas import Atlas
from cosmic_morphology.atlas.provenance import content_hash
from cosmic_morphology.io_utils import Progress
from cosmic_morphology.settings import Settings

TitledProgress = Callable[[str], AbstractContextManager[Progress]]
"""Gives, for a title, what is called with (done, in all)."""


def no_progress(_: str) -> AbstractContextManager[Progress]:
    """Show nothing."""
    return nullcontext(lambda _done, _total: None)


class StageContext(Protocol):
    """What every stage is given; a room adds what its own stages need."""

    atlas: Atlas
    settings: Settings


# Contravariant: what works on little works on a context that holds more.
ContextT_contra = TypeVar("ContextT_contra", bound=StageContext, contravariant=True)


def _nothing(_: Any) -> tuple[str, ...]:
    return ()


@dataclass(frozen=True, slots=True)
class Stage(Generic[ContextT_contra]):
    """One step of the work on an atlas.

    Attributes
    ----------
    name : str
        As shown to people, and as noted in the atlas.
    run : callable
        Does the work on a context and returns what it did; done twice, it changes nothing.
    is_enabled : callable
        Whether the settings ask for it.
    reads : tuple of str
        Columns whose change makes it stale. A stage without any always runs: it asks the outside
        for what is missing (collect, import, review), or fills the rows that lack its columns.
    optional_reads : callable
        Further columns that it reads, as the settings or the atlas have it.
    writes : tuple of str
        Columns that it writes: it is stale, too, when another has written them since.
    parameters : callable
        The settings that change its result.
    depends_on_verdicts : bool
        Whether a new verdict of a person makes it stale.
    is_done : callable, optional
        Decides by itself for a stage whose result stands outside of the atlas.
    """

    name: str
    run: Callable[[ContextT_contra], Any]
    is_enabled: Callable[[Settings], bool] = lambda _: True
    reads: tuple[str, ...] = ()
    optional_reads: Callable[[ContextT_contra], tuple[str, ...]] = _nothing
    writes: tuple[str, ...] = ()
    parameters: Callable[[Settings], Any] = lambda _: None
    depends_on_verdicts: bool = False
    is_done: Callable[[ContextT_contra], bool] | None = None


def is_stale(stage: Stage[ContextT_contra], context: ContextT_contra) -> bool:
    """Whether a stage has to run: the one place that decides it.

    It has not when it finished before on the same parameters, images, columns and verdicts, and
    what it wrote then is what stands there now. Where no file of theirs was written since, no row
    is looked at; where some were, their values are compared: small files may have been merged.
    """
    with context.atlas.held():
        if stage.is_done:
            return not stage.is_done(context)
        if not stage.reads:
            return True
        versions, _, content = context.atlas.note(_note_of(stage)).partition(" ")
        if versions == _versions(stage, context):
            return False
        return content != _content(stage, context)


def run_stage(stage: Stage[ContextT_contra], context: ContextT_contra) -> Any:
    """Run a stage, stale or not, and note on what it has finished; what the stage returned."""
    with context.atlas.held():
        result = stage.run(context)
        if stage.reads:
            # Taken afterwards: a stage may add to what it reads, as labels do to the votes.
            versions = _versions(stage, context)
            if context.atlas.note(_note_of(stage)).partition(" ")[0] != versions:
                note = f"{versions} {_content(stage, context)}"
                context.atlas.set_note(_note_of(stage), note)
    return result


def _note_of(stage: Stage[ContextT_contra]) -> str:
    return f"done:{stage.name}"


def _versions(stage: Stage[ContextT_contra], context: ContextT_contra) -> str:
    read = context.atlas.column_versions(_read(stage, context), verdicts=stage.depends_on_verdicts)
    return content_hash(_recipe(stage, context), read)


def _content(stage: Stage[ContextT_contra], context: ContextT_contra) -> str:
    read = context.atlas.digest(_read(stage, context), verdicts=stage.depends_on_verdicts)
    return content_hash(_recipe(stage, context), read)


def _read(stage: Stage[ContextT_contra], context: ContextT_contra) -> tuple[str, ...]:
    return (*stage.reads, *stage.optional_reads(context))


def _recipe(stage: Stage[ContextT_contra], context: ContextT_contra) -> tuple[Any, Any]:
    """The parameters, and who wrote what stands in the columns of a stage."""
    written = [sorted(context.atlas.provenance_of(name).items()) for name in stage.writes]
    return stage.parameters(context.settings), written
