"""What an ONNX file may hold before the runtime sees it: the file may come from outside.

Only the few fields of ONNX's own description (``onnx.proto3``, Apache-2.0) that matter here are
read, with the protobuf library that the runtime itself needs; the package ``onnx`` is not needed.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from cosmic_morphology.errors import InputError

# A protobuf message cannot be larger.
_LARGEST_BYTES = 2**31 - 1
# Of the runtime's own operators none of our exports repeats or branches: a file that does may
# never end.
_CONTROL_FLOW = {"If", "Loop", "Scan", "SequenceMap"}
_EXTERNAL = 1
_MESSAGE, _STRING, _INT, _BYTES = 11, 9, 5, 12
# name: (number, type, repeated, message)
_FIELDS: dict[str, dict[str, tuple[int, int, bool, str]]] = {
    "Model": {
        "graph": (7, _MESSAGE, False, "Graph"),
        "training_info": (20, _BYTES, True, ""),
        "functions": (25, _BYTES, True, ""),
    },
    "Graph": {
        "node": (1, _MESSAGE, True, "Node"),
        "initializer": (5, _MESSAGE, True, "Tensor"),
        "sparse_initializer": (15, _BYTES, True, ""),
    },
    "Node": {"op_type": (4, _STRING, False, ""), "attribute": (5, _MESSAGE, True, "Attribute")},
    "Attribute": {
        "t": (5, _MESSAGE, False, "Tensor"),
        "g": (6, _MESSAGE, False, "Graph"),
        "tensors": (10, _MESSAGE, True, "Tensor"),
        "graphs": (11, _MESSAGE, True, "Graph"),
        "sparse_tensor": (22, _BYTES, False, ""),
        "sparse_tensors": (23, _BYTES, True, ""),
    },
    "Tensor": {"external_data": (13, _BYTES, True, ""), "data_location": (14, _INT, False, "")},
}


def read_onnx(path: Path) -> bytes:
    """The bytes of an ONNX file that holds its weights, no loops and no functions of its own.

    Raises
    ------
    InputError
        It is no such file.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file",
            where=str(path),
            todo="Check the path, or make one: cosmic export.",
        )
    if path.stat().st_size > _LARGEST_BYTES:
        raise _refused(path, "it is larger than an ONNX file can be")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _refused(path, str(error.strerror)) from error
    for fault in _faults(data):
        raise _refused(path, fault)
    return data


def _faults(data: bytes) -> Iterator[str]:
    from google.protobuf.message import DecodeError

    try:
        model = _model()()
        model.ParseFromString(data)
    except (DecodeError, ValueError) as error:
        yield next(iter(str(error).splitlines()), "") or "it is no ONNX file"
        return
    if model.functions or model.training_info:
        yield "it brings functions of its own"
    if not model.graph.node:
        yield "it holds no network"
    for attribute in _attributes(model.graph):
        if attribute.HasField("g") or attribute.graphs or attribute.sparse_tensors:
            yield "it holds networks inside of its network"
    for node in model.graph.node:
        if node.op_type in _CONTROL_FLOW:
            yield f"it holds the operator {node.op_type}, and could run for ever"
    if model.graph.sparse_initializer:
        yield "it holds sparse weights"
    if any(t.external_data or t.data_location == _EXTERNAL for t in _tensors(model.graph)):
        yield "its weights are in another file"


def _attributes(graph: Any) -> Iterator[Any]:
    for node in graph.node:
        yield from node.attribute


def _tensors(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for attribute in _attributes(graph):
        yield attribute.t
        yield from attribute.tensors


@cache
def _model() -> Any:
    """The class of a message with only the fields above; all others are passed over."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(
        name="cosmic_morphology/onnx_guard.proto", package="onnx_guard", syntax="proto3"
    )
    for name, fields in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field, (number, kind, repeated, of) in fields.items():
            message.field.add(
                name=field,
                number=number,
                type=kind,
                label=3 if repeated else 1,
                type_name=f".onnx_guard.{of}" if of else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("onnx_guard.Model"))


def _refused(path: Path, why: str) -> InputError:
    return InputError(
        f"this is not a model of ours ({why})",
        where=str(path),
        todo="Write one with `cosmic export`.",
    )
