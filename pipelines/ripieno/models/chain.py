"""The chain: what a model is given, as bytes, in; Inferred out; everything between fused and preallocated.

encoded picture, text or numbers -> feed (into the model's own tensor) -> invoke -> decoding.py -> result
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from ripieno.contracts.runtime import Session, Tensor
from ripieno.errors import ModelError
from ripieno.values import Health, Inferred, Result

from .decoding import ResultError, decode_result
from .feeding import Feed, Unreadable
from .parts import Box, merged
from .quantisation import dequantise
from .spec import ModelSpec
from .takes import TakesNumbers, TakesPicture, TakesText, named

if TYPE_CHECKING:
    from .picture_feed import PictureFeed

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
        self._pictures: PictureFeed | None = None
        self._feed = self._feed_of(spec)

    def run(self, given: bytes) -> Inferred:
        """Return what the model says of an encoded picture, a text (UTF-8) or numbers (little-endian float64).

        Never raises for a bad input or result: the health says so.

        Raises:
            ModelError: the runtime refused to invoke.
        """
        digest = hashlib.sha256(given).hexdigest()[:DIGEST_DIGITS]
        begin_ns = self._now_ns()
        try:
            self._feed.take(given)
        except Unreadable as error:
            return Inferred(error.health, None, str(error), digest, (self._now_ns() - begin_ns) // 1000, 0)
        return self._ask(digest, begin_ns)

    def run_pixels(self, pixels: NDArray[np.uint8], is_still_there: Callable[[], bool]) -> Inferred:
        """As `run`, for a picture that comes as pixels: BGR, shape (height, width, 3), read once and not kept.

        Args:
            is_still_there: asked after the pixels were read; False: they were overwritten, and the answer is MISSING.
        """
        pictures, begin_ns = self._picture_feed(), self._now_ns()
        pictures.take_pixels(pixels)
        if not is_still_there():
            return self._overwritten(begin_ns)
        return self._ask(pictures.digest()[:DIGEST_DIGITS], begin_ns)

    def run_parts(self, given: bytes, parts: Sequence[Box]) -> Inferred:
        """As `run`, on parts of an encoded picture; one answer for all of them."""
        pictures, begin_ns = self._picture_feed(), self._now_ns()
        digest = hashlib.sha256(given).hexdigest()[:DIGEST_DIGITS]
        try:
            pixels = pictures.decode(given)
        except Unreadable as error:
            return Inferred(error.health, None, str(error), digest, (self._now_ns() - begin_ns) // 1000, 0)
        return self._ask_parts([(box, pictures.cut(pixels, box)) for box in parts], digest, begin_ns)

    def run_pixel_parts(
        self, pixels: NDArray[np.uint8], parts: Sequence[Box], is_still_there: Callable[[], bool]
    ) -> Inferred:
        """As `run_pixels`, on parts of the picture; the digest is of all of them at the model's size."""
        pictures, begin_ns = self._picture_feed(), self._now_ns()
        shown = [(box, pictures.cut(pixels, box)) for box in parts]
        if not is_still_there():
            return self._overwritten(begin_ns)
        digest = hashlib.sha256(b"".join(small.tobytes() for _, small in shown)).hexdigest()[:DIGEST_DIGITS]
        return self._ask_parts(shown, digest, begin_ns)

    def _ask_parts(self, shown: Sequence[tuple[Box, NDArray[np.uint8]]], digest: str, begin_ns: int) -> Inferred:
        """Run the model on each part; where one is not answered, the picture is not."""
        pictures, spent = self._picture_feed(), []
        answers: list[tuple[Box, Result]] = []
        for box, small in shown:
            pictures.show(small)
            one = self._ask(digest, begin_ns if not answers else self._now_ns())
            spent.append((one.decode_us, one.invoke_us))
            if one.result is None:
                return one
            answers.append((box, one.result))
        decode_us, invoke_us = (sum(column) for column in zip(*spent, strict=True))
        return Inferred(Health.GOOD, merged(answers), "", digest, decode_us, invoke_us)

    def _picture_feed(self) -> PictureFeed:
        if self._pictures is None:
            raise ModelError(f"model {self.spec.name} takes {named(self.spec.takes)}, got a picture")
        return self._pictures

    def _overwritten(self, begin_ns: int) -> Inferred:
        why = "the picture was overwritten before it was read"
        return Inferred(Health.MISSING, None, why, "", (self._now_ns() - begin_ns) // 1000, 0)

    def _ask(self, digest: str, begin_ns: int) -> Inferred:
        """Run the model on what its feed has taken."""
        self._feed.fill(self._session.input(0))  # the view is gone when this returns: invoke refuses to run beside one
        fed_ns = self._now_ns()
        self._session.invoke()
        invoked_ns = self._now_ns()
        decode_us, invoke_us = (fed_ns - begin_ns) // 1000, (invoked_ns - fed_ns) // 1000
        try:
            result = decode_result(self.spec, self.outputs())
        except ResultError as error:
            return Inferred(error.health, None, str(error), digest, decode_us, invoke_us)
        return Inferred(Health.GOOD, result, "", digest, decode_us, invoke_us)

    def outputs(self) -> list[NDArray[np.float32]]:
        """Return the real values of the last outputs, in the order of the file."""
        return [dequantise(self._session.output(at), tensor) for at, tensor in enumerate(self.spec.outputs)]

    def raw_output(self) -> bytes:
        """Return the last outputs as they stand in memory: what a numerics fingerprint is made of."""
        return b"".join(
            np.ascontiguousarray(self._session.output(at)).tobytes() for at in range(len(self.spec.outputs))
        )

    def run_ramp(self) -> int:
        """Run the model on a fixed input that reaches all of its tensor; return the microseconds that invoke took."""
        self._feed.take_ramp()
        self._feed.fill(self._session.input(0))
        begin_ns = self._now_ns()
        self._session.invoke()
        return (self._now_ns() - begin_ns) // 1000

    def _feed_of(self, spec: ModelSpec) -> Feed:
        match spec.takes:
            case TakesPicture():
                from .picture_feed import PictureFeed  # OpenCV: 20 MB that only pictures need

                self._pictures = PictureFeed(spec.takes, spec.input)
                return self._pictures
            case TakesText():
                from .text_feed import TextFeed

                return TextFeed(spec.input)
            case TakesNumbers():
                from .numbers_feed import NumbersFeed

                return NumbersFeed(spec.takes, spec.input)


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
