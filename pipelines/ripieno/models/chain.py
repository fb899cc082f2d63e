"""The chain: encoded picture in, Inferred out, everything between fused and preallocated.

    encoded -> header (kind, size, whole) -> decode -> resize into a buffer -> colour order into the model's own tensor
            -> levels in place -> invoke -> decoding.py -> result

Levels of an 8-bit input: level = round(real / scale) + zero_point (TFLite 8-bit quantization specification), with real
running from pixel_range[0] at pixel 0 to pixel_range[1] at pixel 255. For (1/255, -128) and all other tensors that hold
their pixel range exactly, that is the pixel itself (uint8) or the pixel with its top bit turned (int8: XOR 0x80 in
place); for any other it is a table of 256 levels.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.runtime import Session, Tensor
from ripieno.errors import ModelError, PictureError
from ripieno.values import Health, Inferred

from .decoding import ResultError, decode_result, dequantise
from .pictures import read_header
from .spec import Colour, ModelSpec, Resize

INTERPOLATION: Final = {Resize.LINEAR: cv2.INTER_LINEAR, Resize.AREA: cv2.INTER_AREA}
# A table that stays this near to the plain shift is the shift: cheaper, and as near as calibration itself.
ONE_LEVEL: Final = 1
DIGEST_DIGITS: Final = 32


class Chain:
    """One model, ready to run; not to be shared between threads.

    Args:
        now_ns: a rising clock, for the times in Inferred.

    Raises:
        ModelError: the session's tensors are not the sealed ones.
    """

    def __init__(self, spec: ModelSpec, session: Session, now_ns: Callable[[], int]) -> None:
        _check_tensors(spec, session)
        self.spec = spec
        self._session = session
        self._now_ns = now_ns
        self._flag = cv2.IMREAD_GRAYSCALE if spec.colour is Colour.GREY else cv2.IMREAD_COLOR
        self._interpolation = INTERPOLATION[spec.resize]
        self._size = (spec.width_px, spec.height_px)
        planes = (spec.height_px, spec.width_px) if spec.channels == 1 else (spec.height_px, spec.width_px, 3)
        self._small: NDArray[np.uint8] = np.zeros(planes, np.uint8)
        self._table = level_table(spec.input, spec.pixel_range)
        self._shift = _is_shift(spec.input, self._table)

    def run(self, encoded: bytes) -> Inferred:
        """Return what the model says. Never raises for a bad picture or result: the health says so.

        Raises:
            ModelError: the runtime refused to invoke.
        """
        digest = hashlib.sha256(encoded).hexdigest()[:DIGEST_DIGITS]
        begin_ns = self._now_ns()
        try:
            picture = self._decode(encoded)
        except PictureError as error:
            return Inferred(Health.DAMAGED, None, str(error), digest, (self._now_ns() - begin_ns) // 1000, 0)
        self._resize(picture)
        return self._ask(digest, begin_ns)

    def run_pixels(self, pixels: NDArray[np.uint8], is_still_there: Callable[[], bool]) -> Inferred:
        """As `run`, for a picture that comes as pixels: BGR, shape (height, width, 3), read once and not kept.

        Args:
            is_still_there: asked after the pixels were read; False: they were overwritten, and the answer is MISSING.
        """
        begin_ns = self._now_ns()
        self._resize(pixels if self.spec.channels == 3 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY))
        if not is_still_there():
            why = "the picture was overwritten before it was read"
            return Inferred(Health.MISSING, None, why, "", (self._now_ns() - begin_ns) // 1000, 0)
        return self._ask(hashlib.sha256(self._small.tobytes()).hexdigest()[:DIGEST_DIGITS], begin_ns)

    def _ask(self, digest: str, begin_ns: int) -> Inferred:
        """Run the model on the picture in `_small`."""
        self._to_tensor()
        decoded_ns = self._now_ns()
        self._session.invoke()
        invoked_ns = self._now_ns()
        decode_us, invoke_us = (decoded_ns - begin_ns) // 1000, (invoked_ns - decoded_ns) // 1000
        try:
            result = decode_result(self.spec, self.outputs())
        except ResultError as error:
            return Inferred(error.health, None, str(error), digest, decode_us, invoke_us)
        return Inferred(Health.GOOD, result, "", digest, decode_us, invoke_us)

    def outputs(self) -> list[NDArray[np.float32]]:
        """Return the real values of the last outputs, in the order of the file."""
        return [dequantise(self._session.output(at), tensor) for at, tensor in enumerate(self.spec.outputs)]

    def scores(self) -> NDArray[np.float32]:
        """Return the real values of a classifier's last output, shape (labels,)."""
        return self.outputs()[0].reshape(-1)

    def raw_output(self) -> bytes:
        """Return the last outputs as they stand in memory: what a numerics fingerprint is made of."""
        return b"".join(
            np.ascontiguousarray(self._session.output(at)).tobytes() for at in range(len(self.spec.outputs))
        )

    def run_ramp(self) -> int:
        """Run the model on a ramp (every pixel value in turn); return the microseconds that invoke took."""
        self._small.reshape(-1)[:] = np.arange(self._small.size, dtype=np.uint32) & 0xFF
        self._to_tensor()
        begin_ns = self._now_ns()
        self._session.invoke()
        return (self._now_ns() - begin_ns) // 1000

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

    def _to_tensor(self) -> None:
        tensor = self._session.input(0)[0]  # held only until this method returns: invoke refuses to run beside a view
        if tensor.dtype == np.float32:
            self._to_real(tensor)
            return
        planes: NDArray[np.uint8] = tensor.view(np.uint8)
        if self.spec.channels == 1:
            planes = planes[:, :, 0]
        if self._shift is None:
            levels = cv2.LUT(self._small, self._table.view(np.uint8))
            planes[...] = levels[..., ::-1] if self.spec.colour is Colour.RGB else levels
            return
        if self.spec.colour is Colour.RGB:
            cv2.cvtColor(self._small, cv2.COLOR_BGR2RGB, dst=planes)
        else:
            planes[...] = self._small
        if self._shift:
            np.bitwise_xor(planes, self._shift, out=planes)

    def _to_real(self, tensor: NDArray[np.float32]) -> None:
        low, high = self.spec.pixel_range
        source = self._small[..., ::-1] if self.spec.colour is Colour.RGB else self._small
        np.multiply(source.reshape(tensor.shape), np.float32((high - low) / 255), out=tensor, casting="unsafe")
        if low:
            tensor += np.float32(low)


def level_table(tensor: Tensor, pixel_range: tuple[float, float]) -> NDArray[Any]:
    """Return the level of each of the 256 pixel values, shape (256,), in the tensor's dtype (float: real values)."""
    low, high = pixel_range
    real = low + np.arange(256) * ((high - low) / 255)
    if tensor.dtype == "float32":
        return np.asarray(real, np.float32)
    first = -128 if tensor.dtype == "int8" else 0
    levels: NDArray[Any] = np.clip(np.rint(real / tensor.scale) + tensor.zero_point, first, first + 255)
    return levels.astype(tensor.dtype)


def _is_shift(tensor: Tensor, table: NDArray[Any]) -> int | None:
    """Return what to XOR pixels with to have their levels (0x80, or 0: nothing), None where only the table does."""
    if tensor.dtype == "float32":
        return None
    first = -128 if tensor.dtype == "int8" else 0
    near = np.abs(table.astype(np.int32) - (np.arange(256) + first)).max() <= ONE_LEVEL
    return (0x80 if tensor.dtype == "int8" else 0) if near else None


def _check_tensors(spec: ModelSpec, session: Session) -> None:
    pairs: Sequence[tuple[str, Sequence[Tensor], Sequence[Tensor]]] = (
        ("input", (spec.input,), session.inputs),
        ("output", spec.outputs, session.outputs),
    )
    for side, sealed, found in pairs:
        if [_form(tensor) for tensor in sealed] != [_form(tensor) for tensor in found]:
            raise ModelError(
                f"model {spec.name}: expected {side} {_named(sealed)} as sealed, the file has {_named(found)}"
            )
        for ours, theirs in zip(sealed, found, strict=True):
            if abs(ours.scale - theirs.scale) > 1e-6 * max(abs(ours.scale), 1e-12):
                raise ModelError(
                    f"model {spec.name}: expected {side} scale {ours.scale} as sealed, the file has {theirs.scale}"
                )


def _form(tensor: Tensor) -> tuple[str, tuple[int, ...], int]:
    return tensor.dtype, tensor.shape, tensor.zero_point


def _named(tensors: Sequence[Tensor]) -> str:
    return ", ".join(f"{tensor.dtype}{list(tensor.shape)}" for tensor in tensors)
