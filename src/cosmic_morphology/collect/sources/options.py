"""Options that a person gives to a source, checked before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from cosmic_morphology.errors import UsageError
from cosmic_morphology.suggest import suggest_names


class Options(BaseModel):
    """Base of a source's options: unknown names are errors, values are checked.

    A source declares its options as fields of a subclass and reads them by
    :meth:`~cosmic_morphology.collect.sources.base.SourceRequest.read_options`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_SEE = "See the page of this source for what it may be."
O = TypeVar("O", bound=Options)  # noqa: E741 - a type variable's usual length


def read_options(model: type[O], given: Mapping[str, Any]) -> O:
    """The options of a job as their model; texts of the command line become numbers.

    Raises
    ------
    UsageError
        An option is unknown, or its value cannot be used; the error names the option.
    """
    try:
        return model.model_validate(dict(given))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            known = suggest_names(name, sorted(model.model_fields))
            raise _wrong(name, "the source has no such option", known) from error
        raise _wrong(name, f"{first['msg']} (got {first.get('input')!r:.100})", _SEE) from error


def read_option(name: str, value: Any, default: Any) -> Any:
    """One option with the type of its default; as it is where the default is None.

    Raises
    ------
    UsageError
        The value is of another type.
    """
    if default is None:
        return value
    try:
        return TypeAdapter(type(default)).validate_python(value)
    except ValidationError as error:
        said = error.errors(include_url=False)[0]["msg"]
        raise _wrong(name, f"{said} (got {value!r:.100})", _SEE) from error


def _wrong(name: str, what: str, todo: str) -> UsageError:
    return UsageError(what, where=f"sources.options.{name}", todo=todo)
