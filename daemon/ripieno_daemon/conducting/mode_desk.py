"""What people ask of modes: refused with the reason, or in force at once, told to the engine, recorded with who asked.

A change lies between two events of the engine: what was decided before is done, what is decided after is withheld, and
nothing that was withheld is done later.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from ripieno import engine as rooms
from ripieno.engine import Engine, Event
from ripieno.engine.hands import CAUSE, LATE_S
from ripieno.errors import CommandRefused, StorageError
from ripieno.plan import Plan
from ripieno.values import Outcome

from .mode_file import ModeFile
from .mode_limits import Limits
from .mode_record import ModeRecord
from .modes import BYPASS, LONGEST_TEXT, MANUAL, OBSERVE, Instant, Modes, Override
from .outputs import Outputs
from .timeline import Timeline

OUTCOME_S: Final = 3.0  # beyond its window and its hold: the line may be down, and nobody waits for ever


@dataclass(frozen=True, slots=True)
class Change:
    """An override began, or ended; `expired`: by itself."""

    override: Override
    is_over: bool = False
    expired: str = ""


class Line(Protocol):
    """What the desk needs of the conductor."""

    engine: Engine

    def step(self, event: Event) -> int:
        """Let the engine take an event; return its record's number."""

    def command(self, body: Mapping[str, object]) -> None:
        """Record what somebody asked for."""


class ModeDesk:
    """The modes of one life of the app. Every change returns its sentence for a person.

    Args:
        line: the conductor.
        on_change: told of each override that begins or ends.

    All that ask may raise CommandRefused, and StorageError where it is in force and a restart may not know it.
    """

    def __init__(
        self,
        plan: Plan,
        file: ModeFile,
        boot: str,
        timeline: Timeline,
        outputs: Outputs,
        line: Line,
        on_change: Callable[[Change], None],
    ) -> None:
        self._file, self._boot, self._timeline, self._outputs, self._line = file, boot, timeline, outputs, line
        self._on_change = on_change
        self.modes = Modes(plan, file.kept, self._now())
        self._limits = Limits(self.modes, plan.longest_override_ns)
        self._moved = asyncio.Event()
        self._record = ModeRecord(line.command)
        self._pulses: dict[str, asyncio.Future[Outcome]] = {}

    # --- what people ask ------------------------------------------------------------------------------------------

    async def observe(self, pipeline: str, by: str, why: str) -> str:
        """Let one pipeline ("": all) decide and record, and move nothing."""
        return await self._switch(pipeline, True, by, why)

    async def act(self, pipeline: str, by: str, why: str) -> str:
        """Let one pipeline ("": all) act again. What it wanted meanwhile is not done."""
        return await self._switch(pipeline, False, by, why)

    async def manual(self, output: str, what: str, for_s: float | None, by: str, why: str) -> str:
        """Take an output in hand: `what` is a setpoint's value, "pulse", or "off" for its safe state."""
        kind = self._limits.known(output).kind
        if kind not in ("pulse", "setpoint"):
            raise CommandRefused(f"{output} is a {kind}: there is nothing to move by hand; `ripieno bypass` is for it")
        if (held := self._outputs.held) is not None:
            raise CommandRefused(f"{held}; `ripieno rearm` comes first")
        if self.modes.observes(self.modes.pipeline_of(output)):
            raise CommandRefused(f"{self.modes.pipeline_of(output)} only observes; `ripieno act` comes first")
        before = self.modes.overrides.get(output)
        if for_s is None and before is not None and before.how == MANUAL:
            for_ns = before.left_ns(self._now())
        else:
            for_ns = self._limits.span(for_s)
        value = self._limits.value(output, what, self._line.engine.scene.setpoints.get(output))
        if what == "pulse" and output in self._pulses:
            raise CommandRefused(f"{output}: a pulse by hand is on its way")
        self._take(output, MANUAL, value, for_ns, by, why, what)
        await self._file.write(self.modes.as_map)
        if what == "pulse":
            return await self._pulse(output, by)
        stands = f"at {value:g} {self.modes.outputs[output].unit}".rstrip() if value is not None else "off"
        return f"{self.modes.overrides[output]}; it is {stands}"

    async def bypass(self, output: str, for_s: float | None, by: str, why: str) -> str:
        """Take an output out of use: it stands in its safe state."""
        self._limits.known(output)
        self._take(output, BYPASS, None, self._limits.span(for_s), by, why, "")
        await self._file.write(self.modes.as_map)
        return f"{self.modes.overrides[output]}; {self.modes.rest(output)}"

    async def auto(self, output: str, by: str, why: str) -> str:
        """Give an output back to its rules. A setpoint goes on from where the person left it."""
        self._limits.known(output)
        override = self.modes.overrides.get(output)
        if override is None:
            raise CommandRefused(f"{output} is neither on manual nor on bypass")
        self._record.given("auto", override, by, why)
        self._give(output)
        await self._file.write(self.modes.as_map)
        pipeline = self.modes.pipeline_of(output)
        return f"{output} is its rules' again" + (
            f", and {pipeline} only observes" if self.modes.how(output) == OBSERVE else ""
        )

    # --- what happens ---------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """Put into force what was in force, before the engine's first event of this process and the first device."""
        for override, why in self.modes.over:
            self._tell_expired(override, why)
        if self._outputs.held is not None:
            self.end_manual("outputs are held safe")
        for override in self.modes.overrides.values():
            self._on_change(Change(override))
        engine = self._line.engine
        for output in self.modes.outputs:
            how, value = self.modes.how(output), self.modes.value(output)
            self._outputs.take(output, how)
            stands, was = engine.scene.setpoints.get(output), engine.taken().get(output, "")
            if how == was and (not how or value == stands):
                continue
            self._record.again(self.modes, output, how, was)
            self._line.step(rooms.OutputTaken(self._timeline.now(), output, how, value))

    def end_manual(self, why: str, outputs: Iterable[str] | None = None) -> bool:
        """What a person has in hand is theirs no more (of all outputs, or of these); return whether there was any."""
        ending = [
            one
            for one in self.modes.overrides.values()
            if one.how == MANUAL and (outputs is None or one.output in outputs)
        ]
        for one in ending:
            self._record.given("ended", one, one.by, why)
            self._give(one.output, to_safe=True)
        return bool(ending)

    async def keep(self) -> None:
        """Return when a restart would know what is in force. Raises StorageError."""
        await self._file.write(self.modes.as_map)

    def settled(self, outcome: Outcome) -> None:
        """An act has its outcome: whoever waits for a pulse by hand is told."""
        waiting = self._pulses.get(outcome.act.output)
        if outcome.act.cause.startswith(CAUSE) and waiting is not None and not waiting.done():
            waiting.set_result(outcome)

    async def run(self) -> None:
        """End overrides when their time is over, until cancelled."""
        if self.modes.is_stale:
            await self._keep_quietly()
        while True:
            self._moved.clear()
            due = self.modes.deadline()
            wait_s = None if due is None else max(0.0, (due - self._timeline.now()) / 1e9)
            try:
                async with asyncio.timeout(wait_s):
                    await self._moved.wait()
            except TimeoutError:
                await self._expire()

    def report(self) -> dict[str, Any]:
        """Return what is in force, as JSON writes it."""
        return self.modes.report(self._timeline.now())

    # --- how ------------------------------------------------------------------------------------------------------

    def _now(self) -> Instant:
        line = self._timeline
        return Instant(line.now(), line.monotonic_ns(), line.wall_ns(), self._boot, line.is_gap_known)

    async def _switch(self, pipeline: str, observes: bool, by: str, why: str) -> str:
        there = self.modes.pipelines
        if pipeline and pipeline not in there:
            raise CommandRefused(f"there is no pipeline {pipeline[:60]!r}; there are {', '.join(there)}")
        names = [name for name in ([pipeline] if pipeline else there) if self.modes.observes(name) != observes]
        said = "only observes: it decides and records, and moves nothing" if observes else "acts"
        if not names:
            return f"{pipeline or ', '.join(there)} {said}, as before"
        self._record.switched(observes, names, by, why)
        if observes:
            self.end_manual(f"{by} lets its pipeline only observe", [one for name in names for one in self._of(name)])
        for name in names:
            self.modes.switch(name, observes, by, why, self._now())
            for output in self._of(name):
                if output not in self.modes.overrides:
                    self._put(output)
        await self._file.write(self.modes.as_map)
        return f"{', '.join(names)} {said}"

    def _of(self, pipeline: str) -> list[str]:
        return self.modes.outputs_of(pipeline)

    def _take(self, output: str, how: str, value: float | None, for_ns: int, by: str, why: str, what: str) -> None:
        now, why = self._now(), why[:LONGEST_TEXT]
        override = Override(output, how, value, by, why, for_ns, now.wall_ns, now.t, now.monotonic_ns, self._boot)
        self._record.taken(override, what)
        replaced = self.modes.overrides.get(output)
        if replaced is not None and replaced.how != how:
            self._on_change(Change(replaced, is_over=True))
        self.modes.take(override, now)
        self._put(output)
        self._on_change(Change(override))
        self._moved.set()

    def _give(self, output: str, to_safe: bool = False) -> None:
        override = self.modes.give(output)
        assert override is not None
        self._put(output, self.modes.outputs[output].safe if to_safe else None)
        self._on_change(Change(override, is_over=True))
        self._moved.set()

    def _put(self, output: str, value: float | None = None) -> None:
        """Tell outputs and engine how this one stands now. `value`: of a setpoint given back; None: as it is."""
        how, plan = self.modes.how(output), self.modes.outputs[output]
        if how:
            value = self.modes.value(output)
        self._outputs.take(output, how)
        stands = None if value is None or plan.kind != "setpoint" else float(value)
        self._line.step(rooms.OutputTaken(self._timeline.now(), output, how, stands))

    async def _pulse(self, output: str, by: str) -> str:
        """Fire one pulse and return what became of it."""
        waiting = self._pulses[output] = asyncio.get_running_loop().create_future()
        plan = self.modes.outputs[output]
        try:
            self._line.step(rooms.PulseByHand(self._timeline.now(), output, by))
            async with asyncio.timeout(LATE_S + plan.hold_ns / 1e9 + OUTCOME_S):
                outcome = await waiting
        except TimeoutError:
            return f"{output}: what became of the pulse is not known yet; `ripieno status` counts it when it is"
        finally:
            self._pulses.pop(output, None)
        said = f"{output}: the pulse is {outcome.kind}" + (f": {outcome.why}" if outcome.why else "")
        if outcome.kind != "executed":
            raise CommandRefused(said)
        return f"{said}; {self.modes.overrides[output]}" if output in self.modes.overrides else said

    async def _expire(self) -> None:
        for output in self.modes.expired(self._timeline.now()):
            override = self.modes.overrides[output]
            self._give(output, to_safe=True)
            self._tell_expired(override, "its time is over")
        await self._keep_quietly()

    async def _keep_quietly(self) -> None:
        try:
            await self.keep()
        except StorageError:
            pass  # a restart finds by itself that their time is over, and the ledger says that the disk refuses

    def _tell_expired(self, override: Override, why: str) -> None:
        self._record.given("expired", override, override.by, why)
        text = f"{override.output} is no longer on {override.how} by {override.by}: {why}"
        self._on_change(Change(override, is_over=True, expired=text))
