"""A detector of some hundred bytes, written here: it "finds" red, green and blue, each with its share of the picture.

Scores are the means of the three channels, so that right answers are known; boxes, classes and count are constants.
Its outputs are shaped as those of TFLite_Detection_PostProcess.
"""

from __future__ import annotations

import struct

from .tiny_model import FLOAT32, INT32, MEAN, Scalar, Table, Vector, _tensor, _write

BOXES = ((0.1, 0.2, 0.5, 0.6), (0.0, 0.0, 1.0, 1.0), (-0.1, 0.3, 0.4, 1.2))  # top, left, bottom, right
STANDS_FOR = ("boxes", "classes", "scores", "count")


def tiny_detector(
    size: int = 8,
    *,
    boxes: tuple[tuple[float, ...], ...] = BOXES,
    classes: tuple[float, ...] = (0, 1, 2),
    count: float = 3,
    order: tuple[str, ...] = STANDS_FOR,
) -> bytes:
    """Return a model file: float32 [1, size, size, 3] to boxes [1, 3, 4], classes [1, 3], scores [1, 3], count [1]."""
    tensors = [
        _tensor("picture", [1, size, size, 3], FLOAT32, 0),
        _tensor("axes", [2], INT32, 1),
        _tensor("boxes", [1, 3, 4], FLOAT32, 2),
        _tensor("classes", [1, 3], FLOAT32, 3),
        _tensor("scores", [1, 3], FLOAT32, 0),
        _tensor("count", [1], FLOAT32, 4),
    ]
    places = {"boxes": 2, "classes": 3, "scores": 4, "count": 5}
    mean = Table([Scalar("I", 0), Vector("i", [0, 1]), Vector("i", [4]), Scalar("B", 27), Table([Scalar("b", 0)])])
    outputs = [places[name] for name in order]
    graph = Table([Vector("ref", tensors), Vector("i", [0]), Vector("i", outputs), Vector("ref", [mean])])
    codes = [Table([Scalar("b", MEAN), None, Scalar("i", 2), Scalar("i", MEAN)])]
    flat = [side for box in boxes for side in box]
    held = [
        struct.pack("<2i", 1, 2),
        struct.pack(f"<{len(flat)}f", *flat),
        struct.pack(f"<{len(classes)}f", *classes),
        struct.pack("<f", count),
    ]
    buffers = [Table([None]), *(Table([Vector("B", one)]) for one in held)]
    model = Table([Scalar("I", 3), Vector("ref", codes), Vector("ref", [graph]), None, Vector("ref", buffers)])
    out = bytearray(b"\0\0\0\0TFL3")
    struct.pack_into("<I", out, 0, _write(out, model))
    return bytes(out) + bytes(-len(out) % 16)
