"""What the camera at the extruder sees: a bead of paste that leaves a nozzle.

The camera is bolted down, so the scale is fixed: a bead of nominal width covers NOMINAL_WIDTH_PX of the SIZE_PX
columns, within SCALE_SPREAD. Light, tint, belt, position, angle, gloss, texture, blur and noise change from one
picture to the next.

    column 0            95
        .    |  |    .      row 0, nozzle
        .    |__|    .      row 16..24, its tip
        .   (    )   .
        .    )  (    .      the bead; its mean width below the tip is width_ratio * NOMINAL_WIDTH_PX
        .   (    )   .      row 95

Everything random is drawn from the seed alone, in a fixed order, so one seed is one scene and its picture changes
continuously with the width: less paste first makes necks, then gaps; more paste makes bulges and a wavy course.
"""

import math
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

State = Literal["under", "normal", "over"]

UNDER_BELOW = 0.90
OVER_ABOVE = 1.10

SIZE_PX = 96
NOMINAL_WIDTH_PX = 36.0
NOZZLE_HALF_PX = 12.0
SCALE_SPREAD = 0.01  # a bolted camera; a wider spread would hide the class limits from every method
NARROWEST, WIDEST = 0.3, 2.0  # beyond them the bead leaves the picture or vanishes
JPEG_QUALITY = 93

_BODY_FROM_ROW = 30  # below every nozzle tip and the joint under it
_ROWS = np.arange(SIZE_PX, dtype=np.float32)
_COLUMNS = _ROWS[None, :]
_DOWN = _ROWS[:, None] / SIZE_PX - 0.5
_ACROSS = _COLUMNS / SIZE_PX - 0.5
_PERIODS_PX = np.array([(9, 17, 30, 22, 60), (5, 9, 14, 14, 50)])[..., None]  # shortest period of each wave, its spread
_NECK_ROWS = np.array([[34], [55], [76]])
_TILE_PX = 2 * SIZE_PX

_BEADS = np.array(  # paste, as BGR of a fully lit surface
    [(196, 226, 240), (226, 228, 226), (206, 214, 212), (226, 208, 186), (212, 222, 228), (160, 200, 236)], np.float32
)
_BELTS = np.array([(26, 26, 27), (48, 52, 50), (62, 54, 46), (78, 76, 78), (40, 46, 62)], np.float32)
_METALS = np.array([(92, 138, 158), (150, 150, 148), (120, 124, 126)], np.float32)


def _tile(seed: int, blur_px: float, channels: int) -> NDArray[np.float32]:
    """Return noise of unit deviation, shape (_TILE_PX, _TILE_PX), or (..., channels) if there are several.

    Pictures take windows of it: fresh noise would cost more than the rest of a picture.
    """
    random = np.random.Generator(np.random.PCG64(seed))
    shape = (_TILE_PX, _TILE_PX) if channels == 1 else (_TILE_PX, _TILE_PX, channels)
    noise = random.standard_normal(shape).astype(np.float32)
    if blur_px > 0:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), blur_px), np.float32)
    return np.asarray(noise / noise.std(), np.float32)


_SENSOR_NOISE = _tile(1, 0.0, 3)
_GRAIN = _tile(2, 0.7, 1)
_CLOUDS = _tile(3, 3.0, 1)


def state_of(width_ratio: float) -> State:
    """Name the state of a bead; both limits still count as normal."""
    if width_ratio < UNDER_BELOW:
        return "under"
    return "over" if width_ratio > OVER_ABOVE else "normal"


def render(width_ratio: float, seed: int) -> bytes:
    """Return a JPEG of SIZE_PX x SIZE_PX RGB pixels; the same arguments give the same bytes.

    Costs about 0.6 ms. Widths outside NARROWEST..WIDEST are drawn as the nearest of the two.

    Args:
        width_ratio: mean bead width over nominal width.
        seed: the scene, at least 0.
    """
    ratio = min(max(width_ratio, NARROWEST), WIDEST)
    random = np.random.Generator(np.random.PCG64(seed))
    centre, half, tip = _geometry(ratio, random)
    planes = _belt(random)
    _lay_bead(planes, centre, half, tip, random)
    _hang_nozzle(planes, float(centre[int(tip)]), tip, random)
    encoded, buffer = cv2.imencode(".jpg", _expose(planes, random), (cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY))
    if not encoded:
        raise RuntimeError("OpenCV could not encode the picture")
    return buffer.tobytes()


def measured_width_ratio(picture: bytes) -> float:
    """Measure the bead without a model: Otsu threshold, bright pixels of each row below the nozzle, their mean.

    Right for a bright bead on a dark belt seen by this camera, and for nothing else. 0.0 if no picture can be decoded.
    """
    grey = cv2.imdecode(np.frombuffer(picture, np.uint8), cv2.IMREAD_GRAYSCALE) if picture else None
    if grey is None or grey.shape != (SIZE_PX, SIZE_PX):
        return 0.0
    _, bright = cv2.threshold(grey[_BODY_FROM_ROW:], 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return float(bright.mean()) * SIZE_PX / NOMINAL_WIDTH_PX


def _between(random: np.random.Generator, low: float, high: float) -> float:
    return low + (high - low) * random.random()


def _unit(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut to 0..1 in place; np.clip costs three times as much on arrays this small."""
    np.maximum(values, 0.0, out=values)
    return np.minimum(values, 1.0, out=values)


def _geometry(ratio: float, random: np.random.Generator) -> tuple[NDArray[np.float32], NDArray[np.float32], float]:
    """Return the bead's centre column and horizontal half width for each row, and the row of the nozzle's tip."""
    tip = _between(random, 16, 24)
    angle = _between(random, -0.09, 0.09)
    offset = _between(random, -4, 4)
    scale = _between(random, 1 - SCALE_SPREAD, 1 + SCALE_SPREAD)
    turns, periods = random.random((2, 5, 1))
    waves = np.sin(2 * math.pi * (_ROWS / (_PERIODS_PX[0] + _PERIODS_PX[1] * periods) + turns))
    necks = random.random((3, 3, 1))
    neck_row, neck_px, neck_depth = _NECK_ROWS + 16 * necks[0], 3.0 + 4.5 * necks[1], 0.4 + 0.6 * necks[2]
    neck = (neck_depth * np.exp(-(((_ROWS - neck_row) / neck_px) ** 2))).max(axis=0)

    lack = min(max((0.98 - ratio) / 0.32, 0.0), 1.3)
    excess = min(max((ratio - 1.02) / 0.40, 0.0), 1.5)
    shape = 1 + 0.012 * waves[0] + (0.012 + 0.05 * lack + 0.04 * excess) * waves[1]
    shape += (0.01 + 0.07 * excess) * waves[2] - 0.62 * lack * neck
    shape = np.maximum(shape, 0.0)
    shape /= shape[_BODY_FROM_ROW:].mean()  # the mean width is the argument, whatever the shape

    half = 0.5 * NOMINAL_WIDTH_PX * scale * ratio * shape / math.cos(angle)
    freed = _unit((_ROWS - tip) / 6)  # the paste leaves the nozzle at the nozzle's width
    half = NOZZLE_HALF_PX + (half - NOZZLE_HALF_PX) * freed * (2 - freed)
    wobble = (0.4 + 1.6 * excess + 0.8 * lack) * waves[3] + 0.8 * waves[4]
    centre = SIZE_PX / 2 - 0.5 + offset + math.tan(angle) * (_ROWS - SIZE_PX / 2) + wobble
    return centre.astype(np.float32), half.astype(np.float32), tip


def _window(tile: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.float32]:
    top, left = int(random.random() * SIZE_PX), int(random.random() * SIZE_PX)
    return tile[top : top + SIZE_PX, left : left + SIZE_PX]


def _colour(palette: NDArray[np.float32], spread: float, random: np.random.Generator) -> list[float]:
    chosen = palette[int(random.random() * len(palette))]
    strength = _between(random, 1 - spread, 1 + spread)
    return [float(part) * strength for part in chosen]


def _belt(random: np.random.Generator) -> NDArray[np.float32]:
    """Return the belt alone, shape (3, SIZE_PX, SIZE_PX), planes BGR in 0..255.

    Planes are three times cheaper here than interleaved pixels: numpy's inner loop runs over rows, not over colours.
    """
    surface = _window(_GRAIN, random) * _between(random, 1, 7)
    surface += _window(_CLOUDS, random) * _between(random, 1, 6)
    colour = np.array(_colour(_BELTS, 0.25, random), np.float32)
    return colour[:, None, None] + surface


def _lay_bead(
    planes: NDArray[np.float32],
    centre: NDArray[np.float32],
    half: NDArray[np.float32],
    tip: float,
    random: np.random.Generator,
) -> None:
    """Draw the bead and its shadow into `planes`, from the row `tip` down."""
    colour = _colour(_BEADS, 0.1, random)
    roundness = _between(random, 0.12, 0.34)
    gloss, gloss_at, gloss_width = _between(random, 0.0, 0.22), _between(random, -0.6, 0.6), _between(random, 0.08, 0.3)
    shade = 1 + _window(_CLOUDS, random) * _between(random, 0.004, 0.02)
    shadow_side = 1.0 if random.random() < 0.5 else -1.0
    shadow = _between(random, 0.0, 0.5)

    present = ((half > 0.25) * _unit(_ROWS - tip + 1.0))[:, None]  # no thread in a gap
    aside = _COLUMNS - centre[:, None]
    inside = half[:, None] - np.abs(aside)
    cover = _unit(inside + 0.5) * present
    inside *= 1 / 7
    dark = _unit(inside + 1.0) * (present * shadow)
    dark *= aside * shadow_side > 0

    place = aside / np.maximum(half, 1.0)[:, None]  # -1..1 on the bead; what lies beyond is covered by nothing
    square = place * place
    square *= square
    shade -= roundness * np.minimum(square, 1.0)
    place -= gloss_at
    place *= place
    place *= -1 / gloss_width**2
    shade += gloss * np.exp(place)
    left = (1 - dark) * (1 - cover)
    shade *= cover
    for plane, part in zip(planes, colour, strict=True):
        plane *= left
        plane += shade * part


def _hang_nozzle(planes: NDArray[np.float32], column: float, tip: float, random: np.random.Generator) -> None:
    """Draw the nozzle above `tip`: a polished tube, narrower than the nominal bead."""
    colour = _colour(_METALS, 0.2, random)
    shine_at = _between(random, -0.5, 0.5)
    rows = int(tip) + 1
    aside = _COLUMNS - column
    place = aside / NOZZLE_HALF_PX
    shade = 0.5 + 0.25 * (1 - place * place) + 0.6 * np.exp(-(((place - shine_at) / 0.22) ** 2))
    cover = _unit(NOZZLE_HALF_PX + 0.5 - np.abs(aside)) * _unit(tip - _ROWS[:rows] + 0.5)[:, None]
    for plane, part in zip(planes[:, :rows], colour, strict=True):
        plane += cover * (shade * part - plane)


def _expose(planes: NDArray[np.float32], random: np.random.Generator) -> NDArray[np.uint8]:
    """Light the scene, blur it as the lens does, add the sensor's noise; shape (SIZE_PX, SIZE_PX, 3), BGR."""
    gain = _between(random, 0.75, 1.08)
    light = gain + _between(random, -0.2, 0.2) * _DOWN + _between(random, -0.2, 0.2) * _ACROSS
    for plane in planes:
        plane *= light * _between(random, 0.95, 1.05)
    sharp = cv2.merge(list(planes))
    blurred = cv2.GaussianBlur(sharp, (5, 5), _between(random, 0.3, 0.9))
    noise = _window(_SENSOR_NOISE, random) * _between(random, 0.8, 3.5)
    return np.asarray(cv2.add(blurred, noise, dtype=cv2.CV_8U), np.uint8)
