"""A model that a worker serves: digest, load, self-test. Runs in a worker (or inline), never in the control process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.contracts.runtime import Loaded, Runtime
from ripieno.errors import ModelError
from ripieno.models.chain import Chain
from ripieno.values import Health, Inferred

from .parts import GoldenPicture, PooledModel, pooled_from_plain

# Kernels differ by a few levels in the last layers; a wrong preprocessing differs by far more.
SCORE_TOLERANCE: Final = 0.1
TIMED_RUNS: Final = 5
THREADS: Final = 1


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A loaded model that passed its self-test."""

    name: str
    chain: Chain
    loaded: Loaded

    @classmethod
    def load(
        cls, plain: Mapping[str, Any], runtime: Runtime, read: Callable[[str], bytes], now_ns: Callable[[], int]
    ) -> ServedModel:
        """Load what `PooledModel.to_plain` describes.

        Raises:
            ModelError: the file cannot be read or is not the sealed one, the runtime refuses it, or a golden picture
                gets another answer.
        """
        model = pooled_from_plain(plain)
        spec = model.spec
        content = read_model(read, model)
        try:
            session = runtime.load(content, THREADS)
            chain = Chain(spec, session, now_ns)
            fingerprint = _self_test(chain, model.golden, read)
        except ModelError as error:
            raise ModelError(f"model {spec.name} ({model.path}): {error}") from error
        times_us = sorted(chain.run_ramp() for _ in range(TIMED_RUNS))
        return cls(
            spec.name, chain, Loaded(spec.name, runtime.name, runtime.version(), fingerprint, times_us[TIMED_RUNS // 2])
        )

    def run(self, encoded: bytes) -> Inferred:
        """Return what the model says of a picture; see Chain.run."""
        return self.chain.run(encoded)

    def described(self) -> list[Any]:
        """Return the fields of `Loaded`, in order."""
        loaded = self.loaded
        return [loaded.model, loaded.runtime, loaded.version, loaded.fingerprint, loaded.invoke_us]


def read_model(read: Callable[[str], bytes], model: PooledModel) -> bytes:
    """Return the bytes of a model's file: the very ones that were compared with its digest.

    Raises:
        ModelError: no file, or another one.
    """
    try:
        content = read(model.path)
    except OSError as error:
        raise ModelError(f"model {model.spec.name}: {model.path}: {error.strerror or error}") from error
    found = hashlib.sha256(content).hexdigest()
    if found != model.spec.digest:
        raise ModelError(
            f"model {model.spec.name}: {model.path}: expected sha256 {model.spec.digest[:16]}..., "
            f"found {found[:16]}... ({len(content)} bytes): it is not the sealed file"
        )
    return content


def fingerprint_of(outputs: Sequence[bytes]) -> str:
    """Return the numerics fingerprint of raw outputs: SHA-256 over each with its length, first 32 hex digits."""
    digest = hashlib.sha256()
    for output in outputs:
        digest.update(len(output).to_bytes(4, "little") + output)
    return digest.hexdigest()[:32]


def _self_test(chain: Chain, golden: Sequence[GoldenPicture], read: Callable[[str], bytes]) -> str:
    """Run the ramp and every golden picture; return the fingerprint. Raises ModelError."""
    chain.run_ramp()
    outputs = [chain.raw_output()]
    for picture in golden:
        name = picture.path.rpartition("/")[2]
        try:
            answer = chain.run(read(picture.path))
        except OSError as error:
            raise ModelError(f"self-test: golden picture {picture.path}: {error.strerror or error}") from error
        if answer.health is not Health.GOOD or answer.result is None:
            raise ModelError(f"self-test: golden picture {name}: {answer.why}")
        outputs.append(chain.raw_output())
        apart = max((abs(a - b) for a, b in zip(answer.result.scores, picture.scores, strict=False)), default=0.0)
        if answer.result.label != picture.label or apart > SCORE_TOLERANCE:
            raise ModelError(
                f"self-test: golden picture {name}: expected {picture.label} {max(picture.scores, default=0.0):.3f}, "
                f"got {answer.result.label} {answer.result.score:.3f} "
                f"(a score is {apart:.3f} off, {SCORE_TOLERANCE} is allowed)"
            )
    return fingerprint_of(outputs)
