"""Timm without torch's compiler, which nothing here uses and which takes as long as torch itself.

timm imports torchvision, and one function of torchvision (``roi_align``) asks torch's compiler
whether it could compile for a device; one model of timm is marked as not to be compiled. Both
import the compiler with its symbolic algebra: three to four seconds. While timm is imported a
stand-in answers. It is gone afterwards: whoever wants the compiler gets the real one.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

_COMPILER, _UTILS = "torch._dynamo", "torch._dynamo.utils"
_INIT = torch.nn.init.__name__
# What fills new weights with random numbers.
_RANDOM = frozenset(
    {"bernoulli_", "erfinv_", "exponential_", "normal_", "random_", "trunc_normal_", "uniform_"}
)


def _can_compile(device: Any) -> Any:
    return import_module(_UTILS).is_compile_supported(device)


def _as_it_is(function: Any = None, *_: Any, **__: Any) -> Any:
    """As ``torch.compiler.disable``, for what is never compiled."""
    return function if function is not None else _as_it_is


@contextmanager
def without_compiler() -> Iterator[None]:
    """Import packages that ask for torch's compiler as they are imported, without importing it."""
    if _COMPILER in sys.modules:
        yield
        return
    compiler, utils = ModuleType(_COMPILER), ModuleType(_UTILS)
    compiler.__path__ = []
    vars(compiler).update(utils=utils, disable=_as_it_is)
    vars(utils).update(is_compile_supported=_can_compile)
    sys.modules.update({_COMPILER: compiler, _UTILS: utils})
    try:
        yield
    finally:
        for name, module in ((_COMPILER, compiler), (_UTILS, utils)):
            if sys.modules.get(name) is module:
                del sys.modules[name]


try:
    with without_compiler():
        import timm as _timm
except (ImportError, AttributeError):
    # Another version asks for more of the compiler than the stand-in has.
    import timm as _timm

timm: Any = _timm


class NoNumbers(TorchFunctionMode):
    """Leaves new weights unfilled: for networks without memory, or whose weights are loaded next.

    A network on the device ``meta`` has no numbers, and torch would import its compiler to find
    which random ones it does not make.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Pass over what fills a tensor at random."""
        del types
        name = getattr(func, "__name__", "")
        # Functions of torch.nn.init call the methods of tensors where no mode sees it any more.
        if name in _RANDOM or (getattr(func, "__module__", "") == _INIT and name.endswith("_")):
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))
