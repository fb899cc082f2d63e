"""Inference calls waiting for their worker: one queue for each step, bounded, every drop told.

`every`: frames belong to items and wait their turn; when the queue is full the oldest is given up and its item
becomes unknown.
`newest`: free-running frames; a newer one takes the place of one that waits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from ripieno.contracts.ports import Inference
from ripieno.engine import Infer
from ripieno.errors import ModelError, WorkerLost
from ripieno.values import Given, Health, Inferred

WAITING_FRAMES = 32  # at 10 parts/s three seconds: longer than any answer could still be fresh


@dataclass(frozen=True, slots=True)
class Call:
    """One wanted answer: what the engine asked, what the model is shown, and when it was asked (engine time)."""

    infer: Infer
    given: Given
    asked_t: int


Answer = Callable[[Call, Inferred], None]


class StepCalls:
    """The calls of one step; `run` serves them one after the other."""

    def __init__(self, step: str, every: bool, inference: Inference, answer: Answer) -> None:
        self._step, self._inference, self._answer = step, inference, answer
        self._limit = WAITING_FRAMES if every else 1
        self._waiting: deque[Call] = deque()
        self._some = asyncio.Event()

    def put(self, call: Call) -> None:
        """Queue a call; never waits."""
        if len(self._waiting) >= self._limit:
            self._answer(self._waiting.popleft(), _none(Health.MISSING, "overtaken: the model does not keep up"))
        self._waiting.append(call)
        self._some.set()

    async def run(self) -> None:
        """Serve until cancelled. Every call gets an answer, also when the worker dies under it."""
        while True:
            await self._some.wait()
            call = self._waiting.popleft()
            if not self._waiting:
                self._some.clear()
            try:
                inferred = await self._inference.infer(self._step, call.given)
            except (WorkerLost, ModelError) as error:
                inferred = _none(Health.FAILED, str(error).splitlines()[0])
            self._answer(call, inferred)


def _none(health: Health, why: str) -> Inferred:
    return Inferred(health=health, result=None, why=why, picture_digest="", decode_us=0, invoke_us=0)
