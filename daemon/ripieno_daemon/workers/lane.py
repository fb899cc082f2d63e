"""A lane: one worker process and the calls that wait for it, the nearest deadline first.

    idle --call--> at the worker --answer--> idle
                       |--deadline--> the caller has LATE; the worker has `grace_s` to come back --> idle, or killed
                       |--death-----> the caller has WorkerLost
    a dead worker is replaced on a ladder; calls that wait meanwhile keep their own deadlines

Why a grace: a fresh worker costs more than the grace, so a worker that is a little late under load is not killed for
it, and one that hangs costs at most twice what killing it at once would (the ski-rental argument). A newer frame never
waits longer than that behind a dead call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.contracts.runtime import Loaded
from ripieno.errors import ModelError, WorkerLost
from ripieno.values import Health, Inferred

from . import wire
from .asked import Carried
from .parts import PooledModel
from .process import Spawn, Worker
from .quarantine import Ladder, Quarantine

MAX_WAITING: Final = 32  # more than there are steps with one call each


@dataclass(frozen=True, slots=True)
class DeadlineRules:
    """Seconds: to start a worker with its models; beyond a call's deadline until its worker is killed."""

    start_s: float = 10.0
    grace_s: float = 0.1


@dataclass(eq=False, slots=True)
class Call:
    """One message to the worker and who waits for its answer. `model`: who is to blame when the worker dies of it."""

    model: str
    message: list[Any]
    due_s: float
    answer: asyncio.Future[list[Any]]
    timer: asyncio.TimerHandle | None = field(default=None)


class Late(Exception):
    """The call's time is over."""


class Lane:
    """One priority class: its models, its worker, its calls."""

    def __init__(
        self,
        name: str,
        nice: int,
        models: Mapping[str, PooledModel],
        runtime: str | None,
        rules: DeadlineRules,
        quarantine: Quarantine,
        spawn: Spawn,
        say: Callable[[str], None],
    ) -> None:
        self.name = name
        self.loaded: dict[str, Loaded] = {}
        self._nice, self._models, self._runtime, self._rules = nice, models, runtime, rules
        self._quarantine, self._spawn, self._say = quarantine, spawn, say
        self._loop = asyncio.get_running_loop()
        self._worker: Worker | None = None
        self._open = False  # all models are loaded: calls may go
        self._current: Call | None = None
        self._waiting: list[Call] = []
        self._number = 0
        self._loading = ""
        self._death: asyncio.Future[WorkerLost] | None = None

    @property
    def pid(self) -> int | None:
        """Pid of the worker that serves now, None while there is none."""
        return self._worker.pid if self._worker is not None and self._open else None

    @property
    def is_idle(self) -> bool:
        """Whether no call is under way or waits."""
        return self._current is None and not self._waiting

    async def bring_up(self) -> None:
        """Start a worker and load all models that are in use.

        Raises:
            ModelError: a model cannot be used; names it.
            WorkerLost: the process died or took longer than `start_s`.
        """
        self._death = self._loop.create_future()
        self._worker = await self._spawn(self._nice, self._runtime, self._answered, self._died)
        due_s = self._loop.time() + self._rules.start_s
        for name, model in self._models.items():
            if self._quarantine.why_out(name) is None:
                self._loading = name
                call = self._call(name, [wire.LOAD, 0, name, model.to_plain()], due_s, first=True)
                try:
                    self.loaded[name] = Loaded(*(await call)[2])
                except Late:
                    self._worker.kill()
                    raise WorkerLost(
                        f"worker {self.name}: model {name} was not loaded within {self._rules.start_s:g} s"
                    ) from None
        self._open = True
        self._pump()

    async def keep_up(self) -> None:
        """Replace the worker whenever it dies, for ever; needs one `bring_up` before. Cancel it to end."""
        ladder = Ladder()
        while True:
            assert self._death is not None
            began_s = self._loop.time()
            lost = await asyncio.shield(self._death)
            self._say(f"worker {self.name}: {lost}; a new one is started")
            while True:
                await asyncio.sleep(ladder.next_wait_s(self._loop.time() - began_s))
                began_s = self._loop.time()
                try:
                    await self.bring_up()
                    break
                except WorkerLost as error:
                    self._say(f"worker {self.name} could not be started again: {error}")
                except ModelError as error:
                    self._put_out(error)
                await self._end_worker()
            self._say(
                f"worker {self.name}: runs again (pid {self.pid}) after {(self._loop.time() - began_s) * 1000:.0f} ms"
            )

    async def infer(self, model: str, goes: Carried, deadline_s: float) -> Inferred:
        """See contracts.ports.Inference.infer."""
        if (why := self._quarantine.why_out(model)) is not None:
            raise ModelError(why)
        if len(self._waiting) >= MAX_WAITING:
            return Inferred(Health.LATE, None, f"{MAX_WAITING} calls wait for worker {self.name} already", "", 0, 0)
        due_s = self._loop.time() + deadline_s
        call = self._call(model, [wire.INFER, 0, model, goes.ref, goes.encoded, goes.parts], due_s)
        try:
            answer = await call
        except Late:
            state = "did not answer" if self._open else "was being started again"
            return Inferred(Health.LATE, None, f"worker {self.name} {state} within {deadline_s * 1000:g} ms", "", 0, 0)
        return wire.inferred_from_list(answer[2:])

    async def stop(self) -> None:
        """End the worker; whoever still waits has WorkerLost."""
        await self._end_worker()
        for call in self._waiting:
            self._finish(call, WorkerLost(f"worker {self.name} was stopped"))
        self._waiting.clear()

    async def _end_worker(self) -> None:
        worker, was_open, self._worker, self._open = self._worker, self._open, None, False
        call, self._current = self._current, None  # it dies because we end it: its model is not to blame
        if call is not None:
            self._finish(call, WorkerLost(f"worker {self.name} was stopped"))
        if worker is not None:
            if not was_open:
                worker.kill()  # it loads, and would look up only when it has loaded
            await worker.stop()

    def _call(self, model: str, message: list[Any], due_s: float, first: bool = False) -> asyncio.Future[list[Any]]:
        call = Call(model, message, due_s, self._loop.create_future())
        call.timer = self._loop.call_at(due_s, self._expire, call)
        if first:
            self._send(call)
        else:
            self._waiting.append(call)
            self._pump()
        return call.answer

    def _pump(self) -> None:
        while self._open and self._current is None and self._waiting:
            call = min(self._waiting, key=lambda waiting: waiting.due_s)
            self._waiting.remove(call)
            if call.answer.done():  # its caller was cancelled
                self._settle(call)
            elif (why := self._quarantine.why_out(call.model)) is not None:
                self._finish(call, ModelError(why))
            else:
                self._send(call)

    def _send(self, call: Call) -> None:
        self._number += 1
        call.message[1] = self._number
        self._current = call
        if self._worker is not None:
            self._worker.send(call.message)

    def _answered(self, answer: list[Any]) -> None:
        call = self._current
        if call is None or answer[0] != self._number:
            return
        self._current = None
        if answer[1] == wire.OK:
            self._finish(call, answer)
        else:
            self._finish(call, ModelError(answer[2]))
        self._pump()

    def _expire(self, call: Call) -> None:
        if not call.answer.done():
            call.answer.set_exception(Late())
        if call is self._current:
            call.timer = self._loop.call_later(self._rules.grace_s, self._give_up, call)
        elif call in self._waiting:
            self._waiting.remove(call)

    def _give_up(self, call: Call) -> None:
        if call is self._current and self._worker is not None:
            self._worker.kill()

    def _died(self, lost: WorkerLost) -> None:
        call, self._current, self._open, self._worker = self._current, None, False, None
        if call is not None:
            if self._quarantine.died(call.model, self._loop.time(), str(lost).splitlines()[0]):
                self._say(f"ALARM: {self._quarantine.why_out(call.model)}")
            self._finish(call, WorkerLost(f"worker {self.name} died under model {call.model}: {lost}"))
        if self._death is not None and not self._death.done():
            self._death.set_result(lost)

    def _put_out(self, error: ModelError) -> None:
        self._quarantine.put_out(self._loading, str(error))
        self._say(f"ALARM: {self._quarantine.why_out(self._loading)}")

    def _settle(self, call: Call) -> None:
        if call.timer is not None:
            call.timer.cancel()

    def _finish(self, call: Call, outcome: list[Any] | Exception) -> None:
        self._settle(call)
        if call.answer.done():
            return
        if isinstance(outcome, Exception):
            call.answer.set_exception(outcome)
        else:
            call.answer.set_result(outcome)
