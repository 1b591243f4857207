"""A network as an ONNX graph, by tracing it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from torch import nn

OPSET = 18


def trace(network: nn.Module, example: torch.Tensor, path: Path, names: tuple[str, str]) -> None:
    """Write a network for any number of images at once.

    Parameters
    ----------
    network : Module
        On the CPU, evaluating.
    example : Tensor
        An input; the graph is right for images of its size only.
    path : Path
        The file to write.
    names : tuple of str
        Of the graph's input and output.
    """
    given, found = names
    with _without_the_graph(), warnings.catch_warnings():
        # The tracer warns of constants that are constant here: sizes and numbers of views.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (example,),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=[given],
            output_names=[found],
            dynamic_axes={given: {0: "n"}, found: {0: "n"}},
        )


@contextmanager
def _without_the_graph() -> Iterator[None]:
    """Torch prints the whole graph, thousands of lines, where it cannot export a part of it."""
    inside, name = torch._C, "_jit_onnx_log"  # noqa: SLF001 - it has no switch
    log = getattr(inside, name, None)
    if log is None:
        yield
        return
    setattr(inside, name, lambda *_: None)
    try:
        yield
    finally:
        setattr(inside, name, log)
