"""Small videos and pictures, made here: each frame tells its number by where a bar stands."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

Picture = np.ndarray
WIDTH, HEIGHT = 96, 64


def bar(number: int, colour: tuple[int, int, int] = (0, 0, 255), size: tuple[int, int] = (WIDTH, HEIGHT)) -> Picture:
    """Return a picture of one colour (BGR) with a grey bar that moves with the number."""
    picture = np.full((size[1], size[0], 3), colour, np.uint8)
    left = number * 5 % (size[0] - 8)
    picture[:, left : left + 8] = 128
    return picture


def plain(level: int, size: tuple[int, int] = (WIDTH, HEIGHT)) -> Picture:
    """Return a picture of one grey level."""
    return np.full((size[1], size[0], 3), level, np.uint8)


def write(path: Path, pictures: Iterable[Picture], rate_hz: float = 50.0) -> Path:
    """Write a video: .mp4 (mpeg4) or .avi (MJPEG)."""
    frames = list(pictures)
    code = cv2.VideoWriter.fourcc(*("MJPG" if path.suffix == ".avi" else "mp4v"))
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), code, rate_hz, (width, height))
    assert writer.isOpened()
    for frame in frames:
        writer.write(frame)
    writer.release()
    return path
