"""A dense layer of a few kilobytes, written here: each output is a sum over inputs that are named, so right answers are
known. With softmax it classifies texts or numbers; without, it gives values.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from zlib import crc32

from .tiny_model import FLOAT32, INT8, INT32, SOFTMAX, UINT8, Scalar, Table, Vector, _tensor, _write

DENSE = 9
WEIGHT_SCALE = 0.25  # real weight of one level


def tiny_dense(
    inputs: int,
    weights: Sequence[Mapping[int, int]],
    kind: str = "int8",
    *,
    softmax: bool = True,
    taken: tuple[float, int] = (1 / 255, -128),
    given: tuple[float, int] = (1 / 256, -128),
) -> bytes:
    """Return a model file: [1, inputs] to [1, len(weights)].

    Args:
        weights: for each output, input index to weight in levels of WEIGHT_SCALE (-127..127); 0 where not named.
        kind: of input and output; the weights are int8, or float32 with it.
        taken, given: scale and zero point of input and output; a uint8 model takes zero points 128 higher.
    """
    number = {"int8": INT8, "uint8": UINT8, "float32": FLOAT32}[kind]
    real, up = kind == "float32", 128 if kind == "uint8" else 0
    of_input, of_output = ((0.0, 0), (0.0, 0)) if real else ((taken[0], taken[1] + up), (given[0], given[1] + up))
    sums = of_output if not softmax else (0.0, 0) if real else (0.25, up)
    levels = [weight.get(index, 0) for weight in weights for index in range(inputs)]
    form, weight_kind = ("f", FLOAT32) if real else ("b", UINT8 if up else INT8)
    held = [level * WEIGHT_SCALE if real else level for level in levels]
    if up:
        form, held = "B", [level + 128 for level in levels]
    count = len(weights)
    tensors = [
        _tensor("features", [1, inputs], number, 0, *of_input),
        _tensor("weights", [count, inputs], weight_kind, 1, 0.0 if real else WEIGHT_SCALE, up),
        _tensor("bias", [count], FLOAT32 if real else INT32, 2, 0.0 if real else of_input[0] * WEIGHT_SCALE),
        _tensor("sums", [1, count], number, 0, *sums),
        _tensor("scores", [1, count], number, 0, *of_output),
    ]
    dense = Table([Scalar("I", 0), Vector("i", [0, 1, 2]), Vector("i", [3]), Scalar("B", 8), Table([Scalar("b", 0)])])
    soft = Table([Scalar("I", 1), Vector("i", [3]), Vector("i", [4]), Scalar("B", 9), Table([Scalar("f", 1.0)])])
    operators = [dense, soft] if softmax else [dense]
    outputs = [4 if softmax else 3]
    graph = Table([Vector("ref", tensors), Vector("i", [0]), Vector("i", outputs), Vector("ref", operators)])
    codes = [Table([Scalar("b", code), None, Scalar("i", 1), Scalar("i", code)]) for code in (DENSE, SOFTMAX)]
    buffers = [
        Table([None]),
        Table([Vector("B", struct.pack(f"<{len(held)}{form}", *held))]),
        Table([Vector("B", struct.pack(f"<{count}{'f' if real else 'i'}", *[0] * count))]),
    ]
    model = Table([Scalar("I", 3), Vector("ref", codes), Vector("ref", [graph]), None, Vector("ref", buffers)])
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _write(out, model))
    return bytes(out) + bytes(-len(out) % 16)


def tiny_intents(buckets: int, words: Sequence[str], kind: str = "int8") -> bytes:
    """Return a classifier of texts: the label of each word is the likeliest where that word stands."""
    return tiny_dense(buckets, [{crc32(f"1 {word}".encode()) % buckets: 120} for word in words], kind)
