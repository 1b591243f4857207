"""What all sections share, and how a setting that is not valid is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Tag, ValidationError

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.suggest import suggest_names


class Section(BaseModel):
    """Base of all sections: unknown keys are errors, values are checked."""

    model_config = ConfigDict(extra="forbid")


Job = TypeVar("Job", bound=Section)


def job_of(kind: type[Job], **given: Any) -> Job:
    """A job as the command line gives it.

    Raises
    ------
    SettingsError
        A value is not valid; the error names it.

    Examples
    --------
    >>> from cosmic_morphology.settings import RunJob
    >>> job_of(RunJob, name="probe").name
    'probe'
    """
    try:
        return kind(**given)
    except ValidationError as error:
        raise settings_error(error, kind) from error


def settings_error(
    error: ValidationError, root: type[BaseModel], file: Path | None = None
) -> SettingsError:
    """The first fault of a tree of settings as an error for a person.

    Parameters
    ----------
    error : pydantic.ValidationError
        Of ``root``.
    root : type
        The model that was read: near names of an unknown key are looked for in its sections.
    file : Path, optional
        Where the settings stand.
    """
    first = error.errors()[0]
    section, path = _section_of(root, first["loc"])
    key = ".".join(path)
    where = f"{file}: {key}" if file else key
    if first["type"] == "extra_forbidden":
        known = suggest_names(path[-1], sorted(section.model_fields))
        return SettingsError("there is no such setting", where=where, todo=known)
    if first["type"] == "union_tag_not_found":
        todo = "Give it type = 'folder', or the name of an archive, such as type = 'nasa'."
        return SettingsError("this source has no type", where=where, todo=todo)
    # What was given may be a secret, or a book.
    given = "" if "storage_options" in key else f" (got {first.get('input')!r:.80})"
    todo = "See the reference of settings for what it may be."
    return SettingsError(f"{first['msg']}{given}", where=where, todo=todo)


def _section_of(
    root: type[BaseModel], place: tuple[int | str, ...]
) -> tuple[type[BaseModel], list[str]]:
    """The innermost section of a place, and the place as a person writes it."""
    section, path = root, []
    inner: dict[str, type[BaseModel]] = {}
    for part in place:
        if part in inner:  # which of several kinds it is: pydantic's word, not the person's
            section = inner[str(part)]
            inner = {}
            continue
        path.append(str(part))
        field = section.model_fields.get(str(part))
        if field is not None:
            inner = dict(_models_in(field.annotation))
            if len(inner) == 1:
                (section,) = inner.values()
                inner = {}
    return section, path


def _models_in(annotation: Any, tag: str = "") -> list[tuple[str, type[BaseModel]]]:
    """The sections that a type speaks of, each with its tag."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [(tag, annotation)]
    tag = next((each.tag for each in get_args(annotation) if isinstance(each, Tag)), tag)
    return [found for each in get_args(annotation) for found in _models_in(each, tag)]
