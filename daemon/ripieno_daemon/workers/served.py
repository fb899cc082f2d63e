"""A model that a worker serves: digest, load, self-test. Runs in a worker (or inline), never in the control process."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ripieno.contracts.runtime import Loaded, Runtime
from ripieno.errors import ModelError
from ripieno.models.chain import Chain
from ripieno.models.golden import golden_bytes
from ripieno.models.parts import Box
from ripieno.models.spec import ModelSpec, Task
from ripieno.values import Health, Inferred

from .parts import GoldenCase, PooledModel, pooled_from_plain

# Kernels differ by a few levels in the last layers; a wrong preprocessing differs by far more.
SCORE_TOLERANCE: Final = 0.1
LEVELS_TOLERANCE: Final = 8  # of a regression's output
FLOAT_TOLERANCE: Final = 1e-3
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
            ModelError: the file cannot be read or is not the sealed one, the runtime refuses it, or a golden input gets
                another answer.
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

    def run(self, given: bytes, parts: Sequence[Box] = ()) -> Inferred:
        """Return what the model says of a picture or parts of it, a text or numbers; see Chain.run."""
        return self.chain.run_parts(given, parts) if parts else self.chain.run(given)

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


def allowed(spec: ModelSpec) -> float:
    """Return how far a score or value of a golden input may be from the sealed one."""
    tensor = spec.outputs[0]
    if spec.task is not Task.REGRESS:
        return SCORE_TOLERANCE
    return LEVELS_TOLERANCE * tensor.scale if tensor.dtype != "float32" else FLOAT_TOLERANCE


def _self_test(chain: Chain, golden: Sequence[GoldenCase], read: Callable[[str], bytes]) -> str:
    """Run the ramp and every golden input; return the fingerprint. Raises ModelError."""
    chain.run_ramp()
    outputs, near = [chain.raw_output()], allowed(chain.spec)
    for case in golden:
        name = case.path.rpartition("/")[2]
        try:
            answer = chain.run(golden_bytes(chain.spec.takes, read(case.path)))
        except OSError as error:
            raise ModelError(f"self-test: golden input {case.path}: {error.strerror or error}") from error
        except ModelError as error:
            raise ModelError(f"self-test: golden input {name}: {error}") from error
        if answer.health is not Health.GOOD or answer.result is None:
            raise ModelError(f"self-test: golden input {name}: {answer.why}")
        outputs.append(chain.raw_output())
        apart = max((abs(a - b) for a, b in zip(answer.result.scores, case.scores, strict=False)), default=0.0)
        if answer.result.label != case.label or apart > near:
            wanted = f"{case.label} {max(case.scores, default=0.0):.3f}".strip()
            got = f"{answer.result.label} {max(answer.result.scores, default=0.0):.3f}".strip()
            raise ModelError(
                f"self-test: golden input {name}: expected {wanted}, got {got} "
                f"(one number is {apart:.3g} off, {near:.3g} is allowed)"
            )
    return fingerprint_of(outputs)
