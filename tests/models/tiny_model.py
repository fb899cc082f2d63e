"""Model files of some hundred bytes, written here: mean colour, then softmax (or log), so that right answers are known.

A forward writer of FlatBuffers (flatbuffers.dev, "Internals") for the few tables of TensorFlow Lite's schema v3 that
this needs.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

FLOAT32, INT32, UINT8, INT8 = 0, 2, 3, 9
MEAN, SOFTMAX, LOG = 40, 25, 73
LABELS = ("red", "green", "blue")


@dataclass
class Scalar:
    form: str
    value: float


@dataclass
class Table:
    fields: list[Any]


@dataclass
class Vector:
    form: str  # struct letter; "ref": tables
    values: Any


def _write(out: bytearray, node: Any) -> int:
    if isinstance(node, Table):
        return _write_table(out, node)
    width = 4 if node.form == "ref" else struct.calcsize("<" + node.form)
    while (len(out) + 4) % 16:
        out.append(0)
    place = len(out)
    out += struct.pack("<I", len(node.values))
    if node.form != "ref":
        out += struct.pack(f"<{len(node.values)}{node.form}", *node.values) + b"\0"  # strings end with one
        return place
    first = len(out)
    out += bytes(width * len(node.values))
    for index, child in enumerate(node.values):
        _point(out, first + 4 * index, child)
    return place


def _write_table(out: bytearray, table: Table) -> int:
    while len(out) % 4:
        out.append(0)
    start = len(out)
    size = 4 + 2 * len(table.fields)
    size += size % 4
    offsets = [0 if field is None else 4 + 4 * index for index, field in enumerate(table.fields)]
    inline = 4 + 4 * len(table.fields)
    out += struct.pack(f"<HH{len(offsets)}H", 4 + 2 * len(offsets), inline, *offsets).ljust(size, b"\0")
    place = len(out)
    out += struct.pack("<i", place - start) + bytes(inline - 4)
    for offset, field in zip(offsets, table.fields, strict=True):
        if isinstance(field, Scalar):
            struct.pack_into("<" + field.form, out, place + offset, field.value)
        elif field is not None:
            _point(out, place + offset, field)
    return place


def _point(out: bytearray, where: int, child: Any) -> None:
    target = _write(out, child)
    struct.pack_into("<I", out, where, target - where)


def _tensor(name: str, shape: list[int], kind: int, buffer: int, scale: float = 0.0, zero: int = 0) -> Table:
    quantised = None if not scale else Table([None, None, Vector("f", [scale]), Vector("q", [zero])])
    return Table([Vector("i", shape), Scalar("b", kind), Scalar("I", buffer), Vector("B", name.encode()), quantised])


def tiny_model(
    kind: str = "int8",
    size: int = 8,
    *,
    channels: int = 3,
    scale: float = 1 / 255,
    zero: int = -128,
    last: int = SOFTMAX,
) -> bytes:
    """Return a model file: [1, size, size, channels] to [1, channels]; the score of a channel follows its mean.

    `last=LOG` (float32 only): scores are logarithms, so that a black picture gives minus infinity.
    """
    number = {"int8": INT8, "uint8": UINT8, "float32": FLOAT32}[kind]
    real = kind == "float32"
    given = (0.0, 0) if real else (1 / 256, -128 if kind == "int8" else 0)
    taken = (0.0, 0) if real else (scale, zero)
    tensors = [
        _tensor("picture", [1, size, size, channels], number, 0, *taken),
        _tensor("axes", [2], INT32, 1),
        _tensor("means", [1, channels], number, 0, *taken),
        _tensor("scores", [1, channels], number, 0, *given),
    ]
    softmax = [Scalar("B", 9), Table([Scalar("f", 10.0)])] if last == SOFTMAX else []
    operators = [
        Table([Scalar("I", 0), Vector("i", [0, 1]), Vector("i", [2]), Scalar("B", 27), Table([Scalar("b", 0)])]),
        Table([Scalar("I", 1), Vector("i", [2]), Vector("i", [3]), *softmax]),
    ]
    graph = Table([Vector("ref", tensors), Vector("i", [0]), Vector("i", [3]), Vector("ref", operators)])
    codes = [
        Table([Scalar("b", code), None, Scalar("i", 2 if code != LOG else 1), Scalar("i", code)])
        for code in (MEAN, last)
    ]
    buffers = [Table([None]), Table([Vector("B", struct.pack("<2i", 1, 2))])]
    model = Table([Scalar("I", 3), Vector("ref", codes), Vector("ref", [graph]), None, Vector("ref", buffers)])
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _write(out, model))
    return bytes(out) + bytes(-len(out) % 16)
