"""The Inference port under virtual time: the same chain, in this process; each answer after a latency that is given.

Nothing is measured here: decode_us is 0 and invoke_us the drawn latency, so that the same seed gives the same record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from ripieno.contracts.ports import Clock
from ripieno.contracts.runtime import Loaded
from ripieno.errors import ModelError
from ripieno.models.parts import Box
from ripieno.values import Given, Health, Inferred

from .asked import carried
from .parts import PooledModel, Step, check_steps


class Served(Protocol):
    """A loaded model that passed its self-test."""

    @property
    def loaded(self) -> Loaded:
        """What is loaded."""

    def run(self, encoded: bytes, parts: Sequence[Box] = ()) -> Inferred:
        """Return what the model says of an encoded picture or parts of it, a text or a vector. Raises ModelError."""


Serve = Callable[[PooledModel, str | None], Served]  # loads a model on the runtime of that name; raises ModelError


class InlineInference:
    """See contracts.ports.Inference. Loads numpy, OpenCV and the runtime here: for simulation and tiny boards.

    Args:
        runtime: pinned by name, because results differ between back ends.
        read: gives the bytes of a model path or of a picture's ref; raises OSError.
        latency_s: seconds that this call of a step takes (drawn from a seed); from the step's deadline on, the answer
            is LATE at the deadline.
        serve: loads the models elsewhere, where that is faster; nothing is loaded here then.
    """

    def __init__(
        self,
        models: Mapping[str, PooledModel],
        steps: Mapping[str, Step],
        runtime: str | None,
        clock: Clock,
        read: Callable[[str], bytes],
        latency_s: Callable[[str], float],
        serve: Serve | None = None,
    ) -> None:
        check_steps(models, steps)
        self._models, self._steps, self._runtime = dict(models), dict(steps), runtime
        self._clock, self._read, self._latency_s = clock, read, latency_s
        self._serve = serve or self._serve_here
        self._served: dict[str, Served] = {}

    async def start(self) -> Mapping[str, Loaded]:
        """Load and self-test the models. `invoke_us` is 0: nothing is measured. Raises ModelError."""
        for name in sorted({step.model for step in self._steps.values()}):
            self._served[name] = self._serve(self._models[name], self._runtime)
        return {name: self._served[step.model].loaded for name, step in self._steps.items()}

    async def infer(self, step: str, given: str | Given) -> Inferred:
        """See contracts.ports.Inference.infer."""
        plan = self._steps.get(step)
        if plan is None or plan.model not in self._served:
            raise ModelError(f"no step {step!r} is running; there are {', '.join(sorted(self._steps)) or 'none'}")
        goes = carried(self._models[plan.model].spec, given)
        if isinstance(goes, Inferred):
            return goes
        latency_s = self._latency_s(step)
        if latency_s >= plan.deadline_s:
            await self._clock.sleep(plan.deadline_s)
            return Inferred(Health.LATE, None, f"no answer within {plan.deadline_s * 1000:g} ms", "", 0, 0)
        try:
            encoded = self._read(goes.ref) if goes.encoded is None else goes.encoded
            answer = self._served[plan.model].run(encoded, goes.parts)
        except OSError as error:
            answer = Inferred(Health.DAMAGED, None, f"{goes.ref}: {error.strerror or error}", "", 0, 0)
        await self._clock.sleep(latency_s)
        return replace(answer, decode_us=0, invoke_us=round(latency_s * 1e6))

    async def stop(self) -> None:
        """Let go of the models."""
        self._served.clear()

    def _serve_here(self, model: PooledModel, runtime: str | None) -> Served:
        from ripieno.models.runtimes import choose

        from .served import ServedModel  # brings numpy and OpenCV, so only where models run

        return ServedModel.load(model.to_plain(), choose(runtime), self._read, lambda: 0)
