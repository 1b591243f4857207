"""What a run is to do: sources, a replica, verdicts, an audit, trainings."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from cosmic_morphology.settings.base import Section


class CollectJob(Section):
    """An archive to collect from (``[[sources]]`` of any other type)."""

    type: str = Field(description="name of the archive: `cosmic collect --help` has them")
    queries: tuple[str, ...] = Field((), description="search words; none: those of the taxonomy")
    root: str = Field("", description="another address, such as a replica's; empty: the archive")
    rendered: bool = Field(False, description="what stands at root was rendered: it is credited so")
    limit: int | None = Field(None, ge=1, description="stop after this many images")
    options: dict[str, Any] = Field(default_factory=dict, description="for the source")

    @field_validator("queries")
    @classmethod
    def _are_words(cls, queries: tuple[str, ...]) -> tuple[str, ...]:
        # An empty one would ask an archive for everything.
        if any(not each.strip() for each in queries):
            msg = "a search word is empty"
            raise ValueError(msg)
        return queries


class ImportJob(Section):
    """A folder or zip file to import (``[[sources]]`` of type folder)."""

    type: Literal["folder"]
    path: Path
    name: str = "folder"
    csv: Path | None = None
    columns: dict[str, str] = Field(default_factory=dict, description="our name = CSV's name")
    row_filter: dict[str, str] = Field(
        default_factory=dict, description="rows of the CSV: column = value, or '!value'"
    )
    follow_links: bool = Field(
        default=False, description="take in what links out of the folder lead to"
    )


def _kind_of_source(given: Any) -> str | None:
    """Which of the two a source is; ``None`` where it has no type."""
    if isinstance(given, Section):
        return "folder" if isinstance(given, ImportJob) else "archive"
    type_ = given.get("type") if isinstance(given, dict) else None
    if type_ is None:
        return None
    return "folder" if type_ == "folder" else "archive"


SourceJob = Annotated[
    Annotated[ImportJob, Tag("folder")] | Annotated[CollectJob, Tag("archive")],
    Discriminator(_kind_of_source),
]
"""One input: a folder, or an archive."""


class SynthesizeJob(Section):
    """Rendered images to add."""

    per_class: int = Field(0, ge=0, description="images a class; 0: none")
    size_px: int = Field(256, ge=32, le=2048)


class ReplicaJob(Section):
    """A replica to start for the run, and to collect from (``[replica]``)."""

    images: Path | None = None
    catalogue: Path | None = None
    where: dict[str, str] = Field(default_factory=dict, description="rows of the catalogue")
    rendered: dict[str, int] = Field(default_factory=dict, description="images a class, drawn")


class ReviewJob(Section):
    """People's verdicts to import (``[[review]]``)."""

    path: Path
    only_split: str = Field("", description="take verdicts on images of this split only")


class AuditJob(Section):
    """Checked labels to measure voters and checks by (``[audit]``); nothing learns from them."""

    path: Path
    columns: dict[str, str] = Field(default_factory=dict, description="our name = CSV's name")
    id_prefix: str = Field("", description="put before each id")
    subset: Literal["", "dev", "held-out"] = Field(
        "", description="half of the groups of the table; empty: all"
    )


class RunJob(Section):
    """One training run (``[[train]]``)."""

    name: str
    recipe: str = "linear-probe"
    label_column: str = Field("label", description="'label', or the name of one voter")
    init_from: str = Field("", description="name of the run that this one starts from")
