"""The chain: encoded picture in, Inferred out, everything between fused and preallocated.

    encoded -> header (kind, size, whole) -> decode -> resize into a buffer -> colour order into the model's own tensor
            -> levels in place -> invoke -> real values -> Classification

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
from ripieno.values import Classification, Health, Inferred

from .pictures import read_header
from .spec import Colour, ModelSpec, Resize, Task

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
            self._fill(encoded)
        except PictureError as error:
            return Inferred(Health.DAMAGED, None, str(error), digest, (self._now_ns() - begin_ns) // 1000, 0)
        decoded_ns = self._now_ns()
        self._session.invoke()
        invoked_ns = self._now_ns()
        decode_us, invoke_us = (decoded_ns - begin_ns) // 1000, (invoked_ns - decoded_ns) // 1000
        scores = self.scores()
        if not np.isfinite(scores).all():
            return Inferred(
                Health.NON_FINITE,
                None,
                f"model {self.spec.name} gave a score that is no finite number",
                digest,
                decode_us,
                invoke_us,
            )
        return Inferred(Health.GOOD, decode_result(self.spec, scores), "", digest, decode_us, invoke_us)

    def scores(self) -> NDArray[np.float32]:
        """Return the real values of the last output, shape (labels,)."""
        return dequantise(self._session.output(0), self.spec.output).reshape(-1)

    def raw_output(self) -> bytes:
        """Return the last output as it stands in memory: what a numerics fingerprint is made of."""
        return bytes(np.ascontiguousarray(self._session.output(0)).tobytes())

    def run_ramp(self) -> int:
        """Run the model on a ramp (every pixel value in turn); return the microseconds that invoke took."""
        self._small.reshape(-1)[:] = np.arange(self._small.size, dtype=np.uint32) & 0xFF
        self._to_tensor()
        begin_ns = self._now_ns()
        self._session.invoke()
        return (self._now_ns() - begin_ns) // 1000

    def _fill(self, encoded: bytes) -> None:
        header = read_header(encoded)
        try:
            picture = cv2.imdecode(np.frombuffer(encoded, np.uint8), self._flag)
        except cv2.error as error:
            raise PictureError(f"{header.kind} cannot be decoded: {error.err or error}") from error
        if picture is None:
            raise PictureError(
                f"{header.kind} of {header.width_px} x {header.height_px} pixels is damaged: it cannot be decoded"
            )
        cv2.resize(picture, self._size, dst=self._small, interpolation=self._interpolation)
        self._to_tensor()

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


def dequantise(levels: NDArray[Any], tensor: Tensor) -> NDArray[np.float32]:
    """Return the real values that levels stand for: scale * (level - zero_point); float tensors as they are."""
    if tensor.dtype == "float32":
        return levels.astype(np.float32, copy=False)
    return (np.float32(tensor.scale) * (levels.astype(np.int32) - tensor.zero_point)).astype(np.float32)


def decode_result(spec: ModelSpec, scores: NDArray[np.float32]) -> Classification:
    """Return the result that the task reads from finite scores; of equal ones the first label wins."""
    if spec.task is not Task.CLASSIFY:
        raise ModelError(f"model {spec.name}: task {spec.task} has no decoder")
    best = int(scores.argmax())
    plain = tuple(float(score) for score in scores)
    return Classification(spec.labels[best], plain[best], plain)


def _check_tensors(spec: ModelSpec, session: Session) -> None:
    pairs: Sequence[tuple[str, Tensor, Sequence[Tensor]]] = (
        ("input", spec.input, session.inputs),
        ("output", spec.output, session.outputs),
    )
    for side, sealed, found in pairs:
        if len(found) != 1 or (sealed.dtype, sealed.shape, sealed.zero_point) != (
            found[0].dtype,
            found[0].shape,
            found[0].zero_point,
        ):
            came = ", ".join(f"{tensor.dtype}{list(tensor.shape)}" for tensor in found)
            raise ModelError(
                f"model {spec.name}: expected {side} {sealed.dtype}{list(sealed.shape)} as sealed, the file has {came}"
            )
        if abs(sealed.scale - found[0].scale) > 1e-6 * max(abs(sealed.scale), 1e-12):
            raise ModelError(
                f"model {spec.name}: expected {side} scale {sealed.scale} as sealed, the file has {found[0].scale}"
            )
