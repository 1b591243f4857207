"""Every error that a person can meet, as one tree.

::

    CosmicError                 the run failed                              exit code 1
    ├── UsageError              wrong usage or bad input                    exit code 2
    │   ├── SettingsError       a settings file or value that is not valid
    │   ├── TaxonomyError       a taxonomy that is not valid
    │   └── InputError          a file or folder of the user that cannot be used
    ├── AtlasError              the atlas cannot do what was asked
    │   ├── AtlasNotFoundError  there is no atlas at this place
    │   ├── AtlasVersionError   a version or tag that is not there, or a name that can be no tag
    │   ├── AtlasTooNewError    written by a newer version of this program
    │   ├── AtlasTooOldError    written by an older version, with another schema
    │   ├── AtlasDamagedError   ``verify`` found something that does not add up
    │   ├── AtlasGoneError      a table was there a moment ago, and is no longer
    │   ├── AtlasFullError      the disk (or quota) is full
    │   └── AtlasStoreError     the store cannot be reached or refuses the access
    │       └── AtlasPlaceError what was given as the place of an atlas can be none
    ├── EngineError             processes or a cluster cannot do the work
    ├── SourceError             an archive answers in a way that cannot be trusted
    ├── FetchError              one URL could not be had
    ├── OutputError             a result could not be written: the disk or quota is full
    ├── ImageError            bytes that are not a usable image
    ├── LeakError               splits that are not disjoint
    ├── MissingExtraError       an optional part is not installed
    └── TrainingError           a model could not be trained or loaded

Every error says what happened, to what, and what to do.
"""

from __future__ import annotations

from typing import Any


class CosmicError(Exception):
    """Base of all errors of this package.

    Parameters
    ----------
    what : str
        What happened, as a sentence without a full stop.
    where : str
        The id, URL, path or setting that it happened to.
    todo : str
        What the person can do next. This package gives all three; a plug-in may leave out what it
        cannot know.

    Examples
    --------
    >>> error = InputError("it is empty", where="a.csv", todo="Give another file.")
    >>> str(error), error.exit_code
    ('a.csv: it is empty. Give another file.', 2)
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        self.what = what
        self.where = where
        self.todo = todo
        super().__init__(what, where, todo)

    def __str__(self) -> str:
        text = f"{self.where}: {self.what}" if self.where else self.what
        return f"{text}. {self.todo}" if self.todo else text

    def __reduce__(self) -> tuple[Any, ...]:
        # An error of a worker process has to reach the person as it was.
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[CosmicError], args: tuple[Any, ...], state: dict[str, Any]) -> CosmicError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class UsageError(CosmicError):
    """Wrong usage or bad input: nothing was changed."""

    exit_code = 2


class SettingsError(UsageError):
    """A settings file or value that is not valid."""


class TaxonomyError(UsageError):
    """A taxonomy that is not valid."""


class InputError(UsageError):
    """A file or folder of the user that cannot be used."""


class AtlasError(CosmicError):
    """The atlas cannot do what was asked."""


class AtlasNotFoundError(AtlasError):
    """There is no atlas at this place."""

    exit_code = 2


class AtlasVersionError(AtlasError):
    """A version or tag that is not there, or a name that can be no tag."""

    exit_code = 2


class AtlasTooNewError(AtlasError):
    """The atlas was written by a newer version of this program."""

    exit_code = 2


class AtlasTooOldError(AtlasError):
    """The atlas was written by an older version of this program, with another schema."""

    exit_code = 2


class AtlasDamagedError(AtlasError):
    """Something in the atlas does not add up."""


class AtlasGoneError(AtlasError):
    """A table was there when the atlas was opened, and is no longer."""


class AtlasFullError(AtlasError):
    """The disk or quota is full; the last complete commit stands."""


class AtlasStoreError(AtlasError):
    """The store cannot be reached, refuses the access, or has no such bucket."""


class AtlasPlaceError(AtlasStoreError):
    """What was given as the place of an atlas can be none: a file, or no known kind of address."""

    exit_code = 2


class EngineError(CosmicError):
    """Processes or a cluster cannot do the work: no answer, other versions, workers that die."""


class SourceError(CosmicError):
    """An archive answers in a way that cannot be trusted."""


class FetchError(CosmicError):
    """One URL could not be had."""


class OutputError(CosmicError):
    """A result could not be written, because the disk or quota is full."""


class ImageError(CosmicError):
    """Bytes that are not a usable image.

    ``kind`` is one of the typed reasons in :mod:`cosmic_morphology.imaging`.
    """

    def __init__(self, kind: str, what: str, *, where: str = "", todo: str = "") -> None:
        self.kind = kind
        super().__init__(what, where=where, todo=todo)


class LeakError(CosmicError):
    """Splits that are not disjoint."""


class MissingExtraError(CosmicError):
    """An optional part of this package is not installed."""

    exit_code = 2


class TrainingError(CosmicError):
    """A model could not be trained or loaded."""


KINDS: dict[str, type[CosmicError]] = {
    name: kind
    for name, kind in list(globals().items())
    if isinstance(kind, type) and issubclass(kind, CosmicError)
}
"""All of them by name: an error that comes from another process is one of these."""


def kind_and_text(error: Exception) -> str:
    """An exception of another library in short: its kind, and what it says.

    Examples
    --------
    >>> kind_and_text(KeyError("id"))
    "KeyError: 'id'"
    """
    return f"{type(error).__name__}: {error}"[:300]


def first_line(error: Exception) -> str:
    r"""The first line that an exception of another library says; its kind where it is silent.

    Examples
    --------
    >>> first_line(ValueError("no such key\nTraceback")), first_line(ValueError())
    ('no such key', 'ValueError')
    """
    return next(iter(str(error).splitlines()), "") or type(error).__name__
