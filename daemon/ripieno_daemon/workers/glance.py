"""One picture, small enough for a message; a process of its own: `python -m ripieno_daemon.workers.glance REF BYTES`.

Writes msgpack {jpeg, width_px, height_px, of: [width, height]} to standard output; what is wrong with the picture goes
to standard error, and the exit code is 1. It never runs in the control process: OpenCV is loaded here.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import cv2
import msgpack  # type: ignore[import-untyped, unused-ignore]  # ships no types in all the versions that we support
import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.slots import is_slot, parse_slot
from ripieno.errors import PictureError
from ripieno.models.pictures import read_header
from ripieno_daemon.bundles.files import read_part, size_of

from .mapped import MappedPictures

LONGEST_SIDE_PX: Final = 1280
QUALITIES: Final = (85, 70, 55)
SMALLER: Final = 0.75
MAX_FILE_BYTES: Final = 64 << 20


def main(words: list[str]) -> int:
    """Write the picture; return the exit code."""
    ref, most_bytes = words
    cv2.setNumThreads(1)
    try:
        pixels = _pixels(ref)
        told = small(pixels, int(most_bytes))
    except (PictureError, OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        print(why, file=sys.stderr)
        return 1
    sys.stdout.buffer.write(msgpack.packb(told, use_bin_type=True))
    return 0


def small(pixels: NDArray[np.uint8], most_bytes: int) -> dict[str, Any]:
    """Return a JPEG of at most so many bytes: the best of the qualities that fits, then a smaller picture.

    Args:
        pixels: BGR, shape (height, width, 3).

    Raises:
        PictureError: not even one of 16 pixels fits.
    """
    high, wide = pixels.shape[:2]
    scale = min(1.0, LONGEST_SIDE_PX / max(wide, high))
    while True:
        size = max(1, round(wide * scale)), max(1, round(high * scale))
        shown = pixels if scale == 1.0 else cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
        for quality in QUALITIES:
            _, encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, quality])
            if len(encoded) <= most_bytes:
                jpeg = encoded.tobytes()
                return {"jpeg": jpeg, "width_px": shown.shape[1], "height_px": shown.shape[0], "of": [wide, high]}
        if max(size) <= 16:
            raise PictureError(f"no JPEG of it has at most {most_bytes} bytes")
        scale *= SMALLER


def _pixels(ref: str) -> NDArray[np.uint8]:
    if is_slot(ref):
        view, is_there = MappedPictures().open(parse_slot(ref))
        copy = view.copy()
        if not is_there():
            raise ValueError("the picture was overwritten while it was read")
        return copy
    size = size_of(ref)
    if size > MAX_FILE_BYTES:
        raise PictureError(f"{size} bytes are too many, at most {MAX_FILE_BYTES} are read")
    encoded = read_part(ref, 0, size)
    header = read_header(encoded)
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise PictureError(f"{header.kind} of {header.width_px} x {header.height_px} pixels is damaged")
    return np.asarray(picture, np.uint8)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
