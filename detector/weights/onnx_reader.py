"""Reads weights from an ONNX file without the ``onnx`` package.

ONNX is a protobuf message (onnx/onnx.proto). Only ``ModelProto.graph`` (field 7) with its nodes (1)
and initialisers (5) is read. All other fields are skipped by their wire type.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_FLOAT = 1  # TensorProto.DataType.FLOAT


@dataclass(frozen=True, slots=True)
class Node:
    """One operation of the graph: type, name, and names of inputs and outputs."""

    op: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if not byte & 0x80:
            return value, position
        shift += 7


def _message(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """Yield (field number, value) of each field of a message; nested messages stay bytes."""
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        wire = key & 7
        if wire == 0:
            value, position = _varint(data, position)
            yield key >> 3, value
            continue
        if wire == 2:
            size, position = _varint(data, position)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ValueError(f"not an ONNX file: protobuf wire type {wire}")
        yield key >> 3, data[position : position + size]
        position += size


def _text(value: int | memoryview) -> str:
    return bytes(value).decode() if isinstance(value, memoryview) else str(value)


def _tensor(data: memoryview) -> tuple[str, np.ndarray | None]:
    """Return the name and float32 array of one TensorProto; None for other element types."""
    dims: list[int] = []
    floats = b""
    raw: memoryview | None = None
    kind, name = 0, ""
    for number, value in _message(data):
        if number == 1 and isinstance(value, int):
            dims.append(value)
        elif number == 1 and isinstance(value, memoryview):
            position = 0
            while position < len(value):
                size, position = _varint(value, position)
                dims.append(size)
        elif number == 2 and isinstance(value, int):
            kind = value
        elif number == 4 and isinstance(value, memoryview):
            floats += bytes(value)
        elif number == 8:
            name = _text(value)
        elif number == 9 and isinstance(value, memoryview):
            raw = value
    if kind != _FLOAT:
        return name, None
    if raw is not None:
        flat = np.frombuffer(raw, "<f4")
    else:
        flat = np.array(struct.unpack(f"<{len(floats) // 4}f", floats), dtype="<f4")
    return name, flat.reshape(dims).astype(np.float32)


def _node(data: memoryview) -> Node:
    inputs: list[str] = []
    outputs: list[str] = []
    name = op = ""
    for number, value in _message(data):
        if number == 1:
            inputs.append(_text(value))
        elif number == 2:
            outputs.append(_text(value))
        elif number == 3:
            name = _text(value)
        elif number == 4:
            op = _text(value)
    return Node(op, name, tuple(inputs), tuple(outputs))


def read_graph(data: bytes) -> tuple[list[Node], dict[str, np.ndarray]]:
    """Return the nodes in file order and the float initialisers by name.

    Exporters store a shared weight once and repeat it through ``Identity`` nodes. The outputs of
    these nodes are listed as initialisers too.

    Args:
        data: bytes of an ``.onnx`` file with embedded (not external) weights

    Raises:
        ValueError: not an ONNX file
    """
    graph = next(
        (v for n, v in _message(memoryview(data)) if n == 7 and isinstance(v, memoryview)), None
    )
    if graph is None:
        raise ValueError("not an ONNX file: it holds no graph")
    nodes: list[Node] = []
    tensors: dict[str, np.ndarray] = {}
    for number, value in _message(graph):
        if number == 1 and isinstance(value, memoryview):
            nodes.append(_node(value))
        elif number == 5 and isinstance(value, memoryview):
            name, array = _tensor(value)
            if array is not None:
                tensors[name] = array
    for node in nodes:
        if node.op == "Identity" and node.inputs[0] in tensors:
            tensors[node.outputs[0]] = tensors[node.inputs[0]]
    return nodes, tensors
