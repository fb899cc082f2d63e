"""From a picture to the input tensor, everything preallocated.

    encoded -> header (kind, size, whole) -> decode -> resize into a buffer -> colour order into the model's own tensor
            -> levels in place

Levels of an 8-bit input: with real values running from pixel_range[0] at pixel 0 to pixel_range[1] at pixel 255, for
(1/255, -128) and all other tensors that hold their pixel range exactly, the level is the pixel itself (uint8) or the
pixel with its top bit turned (int8: XOR 0x80 in place); for any other it is a table of 256 levels.
"""

from __future__ import annotations

import hashlib
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.runtime import Tensor
from ripieno.errors import PictureError
from ripieno.values import Health

from .feeding import Unreadable
from .parts import Box
from .pictures import read_header
from .quantisation import level_table
from .takes import Colour, Resize, TakesPicture

INTERPOLATION: Final = {Resize.LINEAR: cv2.INTER_LINEAR, Resize.AREA: cv2.INTER_AREA}
# A table that stays this near to the plain shift is the shift: cheaper, and as near as calibration itself.
ONE_LEVEL: Final = 1


class PictureFeed:
    """See feeding.Feed. `tensor` has shape (1, height, width, channels)."""

    def __init__(self, takes: TakesPicture, tensor: Tensor) -> None:
        assert takes.pixel_range is not None  # sealed
        cv2.setNumThreads(1)  # a worker has one core; more threads only wait for each other
        _, height_px, width_px, channels = tensor.shape
        self._colour, self._channels, self._range = takes.colour, channels, takes.pixel_range
        self._flag = cv2.IMREAD_GRAYSCALE if takes.colour is Colour.GREY else cv2.IMREAD_COLOR
        self._interpolation = INTERPOLATION[takes.resize]
        self._size = (width_px, height_px)
        planes = (height_px, width_px) if channels == 1 else (height_px, width_px, 3)
        self._small: NDArray[np.uint8] = np.zeros(planes, np.uint8)
        self._table = level_table(tensor, takes.pixel_range)
        self._shift = _is_shift(tensor, self._table)

    def take(self, given: bytes) -> None:
        """Read an encoded picture. Raises Unreadable."""
        self._resize(self.decode(given))

    def take_pixels(self, pixels: NDArray[np.uint8]) -> None:
        """Take a picture that comes as pixels: BGR, shape (height, width, 3), read once and not kept."""
        self._resize(pixels if self._channels == 3 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))

    def decode(self, given: bytes) -> NDArray[Any]:
        """Return the pixels of an encoded picture, for `cut`. Raises Unreadable."""
        try:
            return self._decode(given)
        except PictureError as error:
            raise Unreadable(Health.DAMAGED, str(error)) from error

    def cut(self, pixels: NDArray[Any], box: Box) -> NDArray[np.uint8]:
        """Return a part of a picture at the model's size, for `show`. `box`: left, top, right, bottom in 0..1.

        A part is a pixel wide and high at least.
        """
        high, wide = pixels.shape[:2]
        left, top = min(wide - 1, int(box[0] * wide)), min(high - 1, int(box[1] * high))
        right, bottom = max(left + 1, round(box[2] * wide)), max(top + 1, round(box[3] * high))
        part = pixels[top:bottom, left:right]
        if self._channels == 1 and part.ndim == 3:
            part = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY)
        return np.asarray(cv2.resize(part, self._size, interpolation=self._interpolation), np.uint8)

    def show(self, small: NDArray[np.uint8]) -> None:
        """Take what `cut` gave."""
        self._small[...] = small

    def take_ramp(self) -> None:
        """Take every pixel value in turn."""
        self._small.reshape(-1)[:] = np.arange(self._small.size, dtype=np.uint32) & 0xFF

    def digest(self) -> str:
        """Return SHA-256 (hex) of the pixels at the model's size."""
        return hashlib.sha256(self._small.tobytes()).hexdigest()

    def fill(self, tensor: Any) -> None:
        """Write the picture's levels into a view of the input tensor."""
        row: NDArray[Any] = tensor[0]
        if row.dtype == np.float32:
            self._fill_real(row)
            return
        planes: NDArray[np.uint8] = row.view(np.uint8)
        if self._channels == 1:
            planes = planes[:, :, 0]
        if self._shift is None:
            levels = cv2.LUT(self._small, self._table.view(np.uint8))
            planes[...] = levels[..., ::-1] if self._colour is Colour.RGB else levels
            return
        if self._colour is Colour.RGB:
            cv2.cvtColor(self._small, cv2.COLOR_BGR2RGB, dst=planes)
        else:
            planes[...] = self._small
        if self._shift:
            np.bitwise_xor(planes, self._shift, out=planes)

    def _decode(self, encoded: bytes) -> NDArray[Any]:
        header = read_header(encoded)
        try:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), self._flag)
        except cv2.error as error:
            raise PictureError(f"{header.kind} cannot be decoded: {error.err or error}") from error
        if picture is None:
            raise PictureError(
                f"{header.kind} of {header.width_px} x {header.height_px} pixels is damaged: it cannot be decoded"
            )
        return picture

    def _resize(self, picture: NDArray[Any]) -> None:
        cv2.resize(picture, self._size, dst=self._small, interpolation=self._interpolation)

    def _fill_real(self, tensor: NDArray[np.float32]) -> None:
        low, high = self._range
        source = self._small[..., ::-1] if self._colour is Colour.RGB else self._small
        np.multiply(source.reshape(tensor.shape), np.float32((high - low) / 255), out=tensor, casting="unsafe")
        if low:
            tensor += np.float32(low)


def _is_shift(tensor: Tensor, table: NDArray[Any]) -> int | None:
    """Return what to XOR pixels with to have their levels (0x80, or 0: nothing), None where only the table does."""
    if tensor.dtype == "float32":
        return None
    first = -128 if tensor.dtype == "int8" else 0
    near = np.abs(table.astype(np.int32) - (np.arange(256) + first)).max() <= ONE_LEVEL
    return (0x80 if tensor.dtype == "int8" else 0) if near else None
