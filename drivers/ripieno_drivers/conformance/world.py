"""A driver's device in a world of which everything is known: what it was told, what it said, what really happened."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from ripieno.contracts.driver import Context, Device, Driver, Intent, Point
from ripieno.errors import DeviceError, RipienoError, StorageError
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Setpoint, Trigger

from .life import Life
from .line import KitLines
from .simulated import Factory
from .virtual import LoopClock, unwatched

UP_S: Final = 20.0
OUTCOME_S: Final = 60.0
SETTLE_S: Final = 0.5
DEVICE: Final = "device-under-test"


class Slots:
    """The daemon's file of intents. `write_s`: how long the disk takes; `full`: it refuses."""

    def __init__(self) -> None:
        self.write_s, self.full = 0.002, False
        self.written: dict[Act, float] = {}
        self._open: dict[int, Intent] = {}
        self._highest = 0

    def highest(self, device: str) -> int:
        return self._highest

    def open(self, device: str) -> Sequence[Intent]:
        return list(self._open.values())

    async def write(self, intent: Intent) -> None:
        await asyncio.sleep(self.write_s)
        if self.full:
            raise StorageError("the disk is full")
        self._highest = max(self._highest, intent.command_id)
        self.written[intent.act] = asyncio.get_running_loop().time()
        self._open[intent.command_id] = intent

    def settle(self, intent: Intent) -> None:
        self._open.pop(intent.command_id, None)

    def known(self, outcome: Outcome) -> None:
        """What the daemon does with an outcome once it is recorded."""
        for intent in [one for one in self._open.values() if one.act == outcome.act]:
            self.settle(intent)


class _NoFolder:
    async def watch(self, path: str, existing: bool, on_new: Callable[[str], None]) -> Callable[[], None]:
        raise DeviceError(f"{path}: no folder here")

    def remove(self, path: str) -> None:
        """There is nothing."""


class _Entropy:
    def __init__(self) -> None:
        self._calls = 0

    def token(self, size: int) -> bytes:
        self._calls += 1
        return hashlib.shake_128(b"conformance/%d" % self._calls).digest(size)


@dataclass
class World(Life):
    """Made inside a running loop. `settled`: outcomes that were told without being waited for."""

    driver: Driver
    factory: Factory
    seed: int = 0
    reports: list[Any] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    settled: dict[Act, Outcome] = field(default_factory=dict)
    simulated: Any = None
    lines: KitLines = field(init=False)
    intents: Slots = field(default_factory=Slots)
    device: Device = field(init=False)
    task: asyncio.Task[None] | None = None
    acts: int = 0
    _entropy: _Entropy = field(default_factory=_Entropy)

    def __post_init__(self) -> None:
        self.simulated = self.factory(self.seed)
        self.lines = KitLines(self.simulated, 10 / int(self.simulated.settings.get("baud", 115_200)))
        self.lines.outputs = self.outputs("pulse")
        self.make()

    def outputs(self, kind: str) -> list[str]:
        return [name for name, one, _ in self.simulated.points if one == kind]

    def falls_safe(self, output: str) -> bool:
        """Say what the driver claims of this output."""
        settings = self.driver.settings(**self.simulated.settings)
        own = next(own for name, _, own in self.simulated.points if name == output)
        return self.driver.is_safe_alone(settings, self.driver.point(**own))

    def make(self) -> None:
        """Open the device (again), as a fresh process would."""
        self.lines.dead = False
        points = [Point(name, kind, self.driver.point(**own)) for name, kind, own in self.simulated.points]
        context = Context(
            device=DEVICE,
            points=points,
            clock=LoopClock(),
            entropy=self._entropy,
            lines=self.lines,
            folder=_NoFolder(),
            intents=self.intents,
            report=self.reports.append,
            settled=self._settle,
            say=self.said.append,
        )
        with unwatched():  # at a start nothing else runs yet; a driver may import then
            self.device = self.driver.open(self.driver.settings(**self.simulated.settings), context)

    def close(self) -> None:
        """Stop moving the simulated device."""
        self.lines.close()

    def pulse(self, output: str, **other: Any) -> Pulse:
        self.acts += 1
        value = float(getattr(self.simulated, "values", {}).get(output, 1.0))
        wanted: dict[str, Any] = {
            "value": value,
            "trigger": Trigger.NOW,
            "begin": 0.0,
            "late": 1.0,
            "hold_s": 0.05,
        } | other
        return Pulse(Act(f"part-{self.acts}", output, 0), output, **wanted)

    def setpoint(self, output: str, lease_s: float = 3.0) -> Setpoint:
        return Setpoint(output, float(getattr(self.simulated, "values", {}).get(output, 1.0)), lease_s)

    async def fire(self, pulse: Pulse) -> Outcome:
        """Fire, as the daemon does it: an error of ours is no outcome and is raised."""
        outcome = await self.device.fire(pulse, b"note")
        self.intents.known(outcome)
        return outcome

    async def judged(self, pulse: Pulse) -> tuple[Outcome | None, str]:
        """Fire, wait until all is quiet; return the outcome and what is wrong with it ("": nothing)."""
        before = self.simulated.acts(pulse.output)
        try:
            async with asyncio.timeout(OUTCOME_S):
                outcome: Outcome | None = await self.fire(pulse)
        except TimeoutError:
            outcome = None
        except RipienoError as error:
            return None, f"fire() raised {type(error).__name__} ({error}) where an outcome was due"
        await asyncio.sleep(SETTLE_S)
        return outcome, self.judge(pulse, outcome, self.simulated.acts(pulse.output) - before)

    def judge(self, pulse: Pulse, outcome: Outcome | None, done: int) -> str:
        """Hold an outcome against what the device did."""
        if done > 1:
            return f"one pulse was executed {done} times"
        if outcome is None:
            return f"no outcome after {OUTCOME_S:g} s"
        if outcome.act != pulse.act:
            return "the outcome is another act's"
        if outcome.kind is OutcomeKind.EXECUTED and not done:
            return "it was said to be EXECUTED, and the device did nothing"
        if outcome.kind is OutcomeKind.NOT_EXECUTED and done:
            return f"it was said to be NOT_EXECUTED ({outcome.why}), and the device did it"
        if outcome.kind is not OutcomeKind.NOT_EXECUTED and pulse.act not in self.intents.written:
            return "it was sent, and no intent was durable before"
        return ""

    async def recovers(self) -> str:
        """Return why the device is of no use, "" if it is: up, its inputs report, a pulse is executed."""
        if not await self.until(self.is_up, UP_S):
            return f"it is not up again after {UP_S:g} s"
        seen = len(self.reports)
        wanted = {name for name, kind, _ in self.simulated.points if kind in ("reading", "position")}

        def all_reported() -> bool:
            return wanted <= {getattr(one, "input", "") for one in self.reports[seen:]}

        if not await self.until(all_reported, UP_S):
            return f"an input says nothing: {', '.join(sorted(wanted))}"
        for output in self.outputs("pulse"):
            for _ in range(3):
                outcome, wrong = await self.judged(self.pulse(output))
                if wrong:
                    return f"a pulse of {output} afterwards: {wrong}"
                if outcome is not None and outcome.kind is OutcomeKind.EXECUTED:
                    break
                await asyncio.sleep(1)
            else:
                return f"no pulse of {output} is executed any more: {outcome.why if outcome else ''}"
        return ""

    def _settle(self, outcome: Outcome) -> None:
        self.settled[outcome.act] = outcome
        self.intents.known(outcome)
