"""What a sweep may try: values or ranges of the keys of a recipe, checked before it begins."""

from __future__ import annotations

import json
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, get_args

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic.fields import FieldInfo

from cosmic_morphology.errors import SettingsError
from cosmic_morphology.learn.recipes import Augmentation, Recipe
from cosmic_morphology.suggest import suggest_names

_PART = "augment"
_NEVER_TRIED = {"description", _PART}


@dataclass(frozen=True, slots=True)
class Values:
    """Some values, in any order.

    Attributes
    ----------
    all : tuple
        As a recipe has them.
    """

    all: tuple[Any, ...]


class Range(BaseModel):
    """All numbers from ``low`` to ``high``, both included; whole ones where the key's are."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    low: float
    high: float
    log: bool = Field(False, description="try as many between 1 and 10 as between 10 and 100")
    whole: bool = False

    @model_validator(mode="after")
    def _goes_upwards(self) -> Range:
        if not self.low < self.high:
            msg = f"low = {self.low:g} is not below high = {self.high:g}"
            raise ValueError(msg)
        if self.log and self.low <= 0:
            msg = "log = true needs a low above 0"
            raise ValueError(msg)
        if self.whole and not (self.low.is_integer() and self.high.is_integer()):
            msg = "this key takes whole numbers"
            raise ValueError(msg)
        return self


Space = dict[str, Values | Range]


def read_space(given: Mapping[str, Any]) -> Space:
    """The space of a sweep, as ``[sweep.space]`` of the settings has it.

    Parameters
    ----------
    given : mapping
        For each key of a recipe a list of values, or a table with ``low``, ``high`` and, for
        numbers of many magnitudes, ``log = true``. Keys of ``augment`` are in a table of that
        name, or are written ``augment.zoom``.

    Returns
    -------
    dict
        Keys with dots, sorted, so that the same space is searched in the same order.

    Raises
    ------
    SettingsError
        A recipe has no such key, or a value or range cannot be one of it.
    """
    return {key: _read(key, asked) for key, asked in sorted(_flat(given))}


def _flat(given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, asked in given.items():
        if key == _PART and isinstance(asked, Mapping):
            yield from ((f"{_PART}.{inner}", each) for inner, each in asked.items())
        else:
            yield key, asked


def _read(key: str, asked: Any) -> Values | Range:
    field = _field(key)
    if isinstance(asked, list | tuple):
        return _values(key, field, asked)
    if not isinstance(asked, Mapping):
        raise SettingsError(
            "this is neither a list of values nor a range",
            where=_where(key),
            todo="Write [1, 2], or a range such as {low = 0.001, high = 0.1, log = true}.",
        )
    kinds = _kinds(field.annotation)
    if bool in kinds or not kinds & {int, float}:
        raise SettingsError("this key is no number", where=_where(key), todo="Give a list.")
    if "whole" in asked:  # follows from the key
        raise SettingsError(
            "there is no such setting",
            where=f"{_where(key)}.whole",
            todo="A range has low, high, log and step.",
        )
    try:
        found = Range.model_validate({**asked, "whole": float not in kinds})
    except ValidationError as error:
        raise _settings_error(key, error) from error
    for end in (found.low, found.high):
        _check(key, field, int(end) if found.whole else end)
    return found


def _values(key: str, field: FieldInfo, asked: list[Any] | tuple[Any, ...]) -> Values:
    if not asked:
        raise SettingsError(
            "the list of values is empty", where=_where(key), todo="Give at least one value."
        )
    if len({json.dumps(each, default=str) for each in asked}) < len(asked):
        raise SettingsError(
            "a value stands twice in the list", where=_where(key), todo="Give each value once."
        )
    for each in asked:
        _check(key, field, each)
    return Values(tuple(asked))


def _field(key: str) -> FieldInfo:
    part, _, inner = key.rpartition(".")
    fields = Augmentation.model_fields if part == _PART else Recipe.model_fields
    name = inner if part == _PART else key
    if name not in fields or name in _NEVER_TRIED:
        known = [*sorted(Recipe.model_fields.keys() - _NEVER_TRIED)]
        known += [f"{_PART}.{each}" for each in sorted(Augmentation.model_fields)]
        raise SettingsError(
            "a recipe has no such key", where=_where(key), todo=suggest_names(key, known)
        )
    return fields[name]


def _kinds(annotation: Any) -> set[Any]:
    parts = get_args(annotation) if isinstance(annotation, types.UnionType) else (annotation,)
    return set(parts)


def _check(key: str, field: FieldInfo, value: Any) -> None:
    try:
        checked: Any = Annotated[field.annotation, field]
        TypeAdapter(checked, config=ConfigDict(allow_inf_nan=False)).validate_python(value)
    except ValidationError as error:
        raise _settings_error(key, error) from error


def _settings_error(key: str, error: ValidationError) -> SettingsError:
    first = error.errors()[0]
    inner = ".".join(str(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    got = "" if first["type"] in ("missing", "value_error") else f" (got {first['input']!r:.80})"
    return SettingsError(
        f"{message}{got}",
        where=f"{_where(key)}.{inner}".rstrip("."),
        todo="Give a list of values, or a range such as {low = 0.001, high = 0.1, log = true}.",
    )


def _where(key: str) -> str:
    return f"sweep.space.{key}"
