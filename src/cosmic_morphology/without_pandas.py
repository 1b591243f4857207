"""Arrow without pandas, in processes that run no code but our own.

Arrow imports pandas, where it is installed, as soon as it is given its first list, which might
hold pandas objects. That takes a second in each process, and nothing here uses pandas. So a
stand-in is what Arrow finds when it looks for the first time, and it does not look again. Whoever
imports pandas later, or asks Arrow for a data frame, gets the real one; only pandas' own marks of
missing values are then not known to Arrow inside of lists, which is why this is for our own
processes alone.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Sequence
from importlib import import_module
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

_PANDAS, _ARROW = "pandas", "pyarrow"


class _After(MetaPathFinder):
    """Does something when a module has been imported."""

    def __init__(self, name: str, action: Callable[[], None]) -> None:
        self._name, self._action = name, action

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Where the module is, as Python itself says; of others it knows nothing."""
        spec = PathFinder.find_spec(fullname, path, target) if fullname == self._name else None
        if spec is None or spec.loader is None:
            return None
        execute = spec.loader.exec_module

        def execute_and_act(module: ModuleType) -> None:
            execute(module)
            if self in sys.meta_path:
                sys.meta_path.remove(self)
                self._action()

        spec.loader.exec_module = execute_and_act  # type: ignore[method-assign]
        return spec


def do_without_pandas() -> None:
    """Have Arrow do without pandas in this process; nothing is imported by this call itself.

    Where Arrow or pandas has been imported already, all stays as it is.
    """
    if not sys.modules.keys() & {_ARROW, _PANDAS}:
        sys.meta_path.insert(0, _After(_ARROW, _show_stand_in))


def is_without_pandas() -> bool:
    """Whether this process has been told to do without pandas, and still does."""
    return _PANDAS not in sys.modules and any(isinstance(each, _After) for each in sys.meta_path)


def _show_stand_in() -> None:
    """Let Arrow look for pandas, and find something too old to be used."""
    pyarrow = import_module(_ARROW)
    nothing = type("Nothing", (), {})
    stand_in = ModuleType(_PANDAS)
    vars(stand_in).update(
        __version__="0", NaT=nothing(), NA=nothing(), Timedelta=nothing, Timestamp=nothing
    )
    sys.modules[_PANDAS] = stand_in
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pyarrow.array([None])
    finally:
        del sys.modules[_PANDAS]
    sys.meta_path.insert(0, _After(_PANDAS, _show_real_one))


def _show_real_one() -> None:
    # Asking for it makes Arrow look again.
    _ = import_module("pyarrow.lib")._pandas_api.pd  # noqa: SLF001 - there is no public way
