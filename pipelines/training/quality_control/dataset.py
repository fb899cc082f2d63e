"""The pictures that the model learns from: real ones from a folder, rendered ones, and what varies them.

A picture here is uint8, shape (SIZE_PX, SIZE_PX, 3), RGB. Classes count in the order of CLASSES.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from ripieno_sim.plant.picture import render, state_of

CLASSES = ("normal", "over", "under")
SIZE_PX = 80

Pictures = NDArray[np.uint8]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Pictures of shape (n, SIZE_PX, SIZE_PX, 3); labels and near-duplicate groups of shape (n,)."""

    pictures: Pictures
    labels: Labels
    groups: NDArray[np.int64]


@dataclass(frozen=True)
class Rendered:
    """Pictures of shape (n, SIZE_PX, SIZE_PX, 3); labels and width ratios of shape (n,); the encoded originals."""

    pictures: Pictures
    labels: Labels
    widths: NDArray[np.float64]
    encoded: list[bytes]


def fitted(picture: Pictures) -> Pictures:
    """Return the picture at the model's size, scaled as the daemon scales: bilinear."""
    return np.asarray(cv2.resize(picture, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_LINEAR), np.uint8)


def decoded(encoded: bytes) -> Pictures:
    """Return an encoded picture as RGB at its own size; ValueError if it is none."""
    picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError("expected an encoded picture, got bytes that OpenCV cannot decode")
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)


def read_split(folder: Path, split: str) -> Split:
    """Read one split of the extrusion pictures: `labels.csv` with file, class, near_duplicate_group, split."""
    with (folder / "labels.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["split"] == split]
    return Split(
        np.stack([fitted(decoded((folder / row["file"]).read_bytes())) for row in rows]),
        np.array([CLASSES.index(row["class"]) for row in rows]),
        np.array([int(row["near_duplicate_group"]) for row in rows]),
    )


def render_widths(widths: NDArray[np.float64], first_seed: int) -> Rendered:
    """Render one picture for each width ratio; seeds count up from `first_seed`."""
    encoded = [render(float(width), first_seed + index) for index, width in enumerate(widths)]
    labels = np.array([CLASSES.index(state_of(float(width))) for width in widths])
    return Rendered(np.stack([fitted(decoded(one)) for one in encoded]), labels, widths, encoded)


def training_widths(count: int, random: np.random.Generator) -> NDArray[np.float64]:
    """Draw width ratios: half over the whole range, half near the two limits, where it is hard."""
    wide = random.uniform(0.5, 1.8, count - count // 2)
    near = random.choice((0.9, 1.1), count // 2) + random.normal(0.0, 0.07, count // 2)
    return random.permutation(np.concatenate((wide, near)))


def varied(picture: Pictures, random: np.random.Generator) -> Pictures:
    """Return a real picture as another camera might have taken it; scale moves by 8 % at most, width is the class."""
    turn = random.uniform(-12, 12)
    scale = random.uniform(0.94, 1.08)
    matrix = np.asarray(cv2.getRotationMatrix2D((SIZE_PX / 2, SIZE_PX / 2), turn, scale), np.float64)
    matrix[:, 2] += random.uniform(-6, 6, 2)
    if random.random() < 0.5:
        matrix = matrix @ np.array([[-1, 0, SIZE_PX - 1], [0, 1, 0], [0, 0, 1]], np.float64)
    moved = cv2.warpAffine(
        picture, matrix, (SIZE_PX, SIZE_PX), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return recoloured(np.asarray(moved, np.uint8), random)


def recoloured(picture: Pictures, random: np.random.Generator) -> Pictures:
    """Return the picture in another light: contrast, brightness, tint, sometimes grey.

    Stronger variation, erased patches and mixed pictures were tried: with 673 pictures the net then learns too little.
    """
    levels = picture.astype(np.float32)
    if random.random() < 0.12:
        levels = np.repeat(levels.mean(axis=2, keepdims=True), 3, axis=2)
    middle = float(levels.mean())
    levels = (levels - middle) * random.uniform(0.85, 1.15) + middle + random.uniform(-12, 12)
    levels *= random.uniform(0.94, 1.06, 3).astype(np.float32)
    return np.asarray(np.clip(levels, 0, 255), np.uint8)


def varied_rendering(picture: Pictures, random: np.random.Generator) -> Pictures:
    """Return a rendered picture mirrored and relit, never scaled: its width is measured."""
    if random.random() < 0.5:
        picture = np.ascontiguousarray(picture[:, ::-1])
    return recoloured(picture, random) if random.random() < 0.5 else picture
