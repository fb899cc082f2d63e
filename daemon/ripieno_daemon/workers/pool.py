"""The pool: steps to lanes, one worker process for each priority class that a step uses."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from ripieno.contracts.runtime import Loaded
from ripieno.errors import ModelError, WorkerLost
from ripieno.values import Given, Inferred

from .asked import Carried, carried
from .lane import DeadlineRules, Lane
from .parts import NICE, PooledModel, Step, check_steps
from .process import Spawn, resident_bytes, spawn_exec
from .quarantine import Quarantine
from .weight import LOOK_S, Weights

IDLE_STEP_S: Final = 0.02  # each call of the old worker has a deadline of its own


class WorkerPool:
    """The real Inference port. To be used on the main thread's loop.

    Args:
        models: by name; paths are absolute.
        steps: by name.
        runtime: litert, tflite or another entry point's name; None: LiteRT where installed, else tflite-runtime.
        say: one sentence when a worker dies, is back, or (starting with ALARM) a model is put out of use.
        spawn: how a worker process is made.
        weights: which workers have grown too much.
    """

    def __init__(
        self,
        models: Mapping[str, PooledModel],
        steps: Mapping[str, Step],
        runtime: str | None,
        say: Callable[[str], None],
        *,
        rules: DeadlineRules | None = None,
        spawn: Spawn = spawn_exec,
        weights: Weights | None = None,
    ) -> None:
        check_steps(models, steps)
        self._models, self._steps, self._runtime, self._say = dict(models), dict(steps), runtime, say
        self._rules, self._spawn = rules or DeadlineRules(), spawn
        self._weights = weights or Weights(resident_bytes)
        self._quarantine = Quarantine()
        self._lanes: dict[str, Lane] = {}
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._weighing: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, Loaded]:
        """Start the workers, load and self-test every model that a step uses; return what runs behind each step.

        Raises:
            ModelError: a model is missing, not the sealed one, refused, or fails its golden inputs.
            WorkerLost: a worker died or was not ready in time; its last words are in the message.
            No worker is left after either.
        """
        for priority in NICE:
            if any(step.priority == priority for step in self._steps.values()):
                self._lanes[priority] = self._lane(priority)
        try:
            for lane in self._lanes.values():
                await lane.bring_up()
        except BaseException:
            await self.stop()
            raise
        self._keepers = {name: self._keeper(name, lane) for name, lane in self._lanes.items()}
        self._weighing = asyncio.create_task(self._weigh(), name="weighing workers")
        return {name: self._lanes[step.priority].loaded[step.model] for name, step in self._steps.items()}

    async def infer(self, step: str, given: str | Given) -> Inferred:
        """See contracts.ports.Inference.infer: a picture is the file at its ref."""
        plan = self._plan(step)
        goes = carried(self._models[plan.model].spec, given)
        return goes if isinstance(goes, Inferred) else await self._infer(plan, goes)

    async def infer_bytes(self, step: str, encoded: bytes) -> Inferred:
        """As `infer`, for what is bytes already, such as a picture that came over the network; see Chain.run."""
        return await self._infer(self._plan(step), Carried("", encoded))

    def _plan(self, step: str) -> Step:
        plan = self._steps.get(step)
        if plan is None or plan.priority not in self._lanes:
            raise ModelError(f"no step {step!r} is running; there are {', '.join(sorted(self._steps)) or 'none'}")
        return plan

    async def _infer(self, plan: Step, goes: Carried) -> Inferred:
        return await self._lanes[plan.priority].infer(plan.model, goes, plan.deadline_s)

    def worker_pids(self) -> Mapping[str, int | None]:
        """Return the pid that serves each priority class now, None while it is being restarted."""
        return {name: lane.pid for name, lane in self._lanes.items()}

    async def stop(self) -> None:
        """End all workers: 2 s to end by themselves, then SIGKILL; calls under way have WorkerLost. Twice is once."""
        tasks = [*self._keepers.values(), *([self._weighing] if self._weighing is not None else [])]
        self._keepers, self._weighing = {}, None
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(lane.stop() for lane in self._lanes.values()))
        self._lanes.clear()

    def _lane(self, priority: str) -> Lane:
        wanted = sorted({step.model for step in self._steps.values() if step.priority == priority})
        return Lane(
            priority,
            NICE[priority],
            {name: self._models[name] for name in wanted},
            self._runtime,
            self._rules,
            self._quarantine,
            self._spawn,
            self._say,
        )

    def _keeper(self, name: str, lane: Lane) -> asyncio.Task[None]:
        return asyncio.create_task(lane.keep_up(), name=f"worker {name}")

    async def _weigh(self) -> None:
        """Replace workers that have grown too much, one after the other, for ever."""
        while True:
            for name, (first, now) in self._weights.too_heavy(self.worker_pids()).items():
                grown = f"worker {name} has grown from {first / 1e6:.0f} MB to {now / 1e6:.0f} MB"
                self._say(f"{grown}: a fresh one takes its place")
                await self._replace(name)
            await asyncio.sleep(LOOK_S)

    async def _replace(self, name: str) -> None:
        """Load the models in a fresh worker, let it have all calls from then on, and end the old one after its last."""
        old, fresh = self._lanes[name], self._lane(name)
        try:
            await fresh.bring_up()
        except (ModelError, WorkerLost) as error:
            self._say(f"worker {name} is kept: no fresh one can be had: {error}")
            await fresh.stop()
            return
        except BaseException:
            await fresh.stop()
            raise
        keeper = self._keepers[name]
        self._lanes[name], self._keepers[name] = fresh, self._keeper(name, fresh)
        try:
            while not old.is_idle:  # noqa: ASYNC110  the deadlines of its last calls end this
                await asyncio.sleep(IDLE_STEP_S)
        finally:
            keeper.cancel()
            await asyncio.gather(keeper, return_exceptions=True)
            await old.stop()
