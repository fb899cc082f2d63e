"""The real driver against the virtual board over a bad line, in virtual time: 5,000 acts, resets, outages, restarts.

What must hold (docs/link-protocol.md section 5): no act happens twice, no outcome that claims certainty is wrong,
every act gets one.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from drivers.bench import POINTS, NoFolder
from drivers.virtual import LoopClock, run

from ripieno.contracts.driver import Context, Intent
from ripieno.errors import LinkDown
from ripieno.values import Act, Outcome, OutcomeKind, Pulse, Trigger
from ripieno_drivers.link import LinkSettings
from ripieno_drivers.link.actuator import LinkDevice
from ripieno_sim.board import Board, BoardSettings, ResetNow, Step
from ripieno_sim.codec import Cause
from ripieno_sim.line import TO_BOARD, TO_HOST, LineFaults, PacedLine
from ripieno_sim.plant import CHANNELS

ACTS = 5_000
COUNTS_PER_MM = 10.0
FAULTS = LineFaults(
    flip_per_byte=2e-4, drop_per_byte=1e-4, burst=2e-3, duplicate=2e-3, noise=2e-3, line_break=1e-3, split=0.1
)


class Belt:
    """5 counts in a millisecond for ever; notes what the pins did, by command."""

    def __init__(self) -> None:
        self.done: dict[int, list[int]] = {}
        self.where_mm: dict[int, float] = {}
        self.base = lambda: 0  # where the board's own count begins; a cold reset moves it

    def count_at(self, now_us: int) -> int:
        return now_us * 5 // 1000

    def time_of_count(self, count: int) -> int | None:
        return -(-count * 1000 // 5)

    def inputs(self, now_us: int) -> int:
        return 0

    def output(self, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        if cmd_id is not None:
            self.done.setdefault(cmd_id, []).append(t_us)
            self.where_mm[cmd_id] = (self.count_at(t_us) - self.base()) / COUNTS_PER_MM


class SometimesCut:
    """A reset at a random step of a random command."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    def at(self, step: Step, cmd_id: int) -> None:
        if self._draw.random() < 0.002:
            raise ResetNow(keep_ram=self._draw.random() < 0.6)


class BadLines:
    """Line and board behind one port; moves them with the loop's time."""

    def __init__(self, board: Board, line: PacedLine) -> None:
        self.board, self.line = board, line
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self.host: BadLine | None = None
        self.moved()

    def now_us(self) -> int:
        return int(self._loop.time() * 1e6)

    async def open(
        self, port: str, baud: int, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> BadLine:
        assert self.host is None
        self.host = BadLine(self, on_bytes, on_lost)
        return self.host

    def moved(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = [at for at in (self.line.next_deadline_us(), self.board.next_deadline_us()) if at is not None]
        if due:
            delay_s = max(min(due) - self._loop.time() * 1e6, 0) / 1e6 + 1e-6
            self._timer = self._loop.call_later(delay_s, self._move)

    def _move(self) -> None:
        now_us = self.now_us()
        to_board, to_host = self.line.deliver(now_us)
        if to_board:
            self.board.receive(to_board, now_us)
        self.board.advance(now_us)
        if leaves := self.board.poll(now_us):
            self.line.send(TO_HOST, leaves, now_us)
        if to_host and self.host is not None:
            self.host.on_bytes(to_host)
        self.moved()


class BadLine:
    def __init__(self, lines: BadLines, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]) -> None:
        self._lines, self.on_bytes, self.on_lost = lines, on_bytes, on_lost
        self.taker = on_bytes

    def write(self, data: bytes) -> int:
        if self._lines.host is self:
            self._lines.line.send(TO_BOARD, data, self._lines.now_us())
            self._lines.moved()
        return len(data)

    def close(self) -> None:
        if self._lines.host is self:
            self._lines.host = None


class Slots:
    """Intents that take a random time to be durable, and that the test settles as the daemon does."""

    def __init__(self, draw: random.Random) -> None:
        self._draw = draw
        self.by_act: dict[Act, Intent] = {}
        self.opened: dict[int, Intent] = {}

    def highest(self, device: str) -> int:
        return max((intent.command_id for intent in self.by_act.values()), default=0)

    def open(self, device: str) -> Sequence[Intent]:
        return list(self.opened.values())

    async def write(self, intent: Intent) -> None:
        await asyncio.sleep(self._draw.uniform(0.0001, 0.004))
        self.by_act[intent.act] = intent
        self.opened[intent.command_id] = intent

    def settle(self, intent: Intent) -> None:
        self.opened.pop(intent.command_id, None)


class Draws:
    def __init__(self, draw: random.Random) -> None:
        self._draw = draw

    def token(self, size: int) -> bytes:
        return self._draw.randbytes(size)


class Run:
    """One run from one seed."""

    def __init__(self, seed: int, baud: int, faults: LineFaults = FAULTS) -> None:
        self.draw = random.Random(seed)
        self.belt = Belt()
        settings = BoardSettings(
            table=CHANNELS, baud=baud, drift_ppm=self.draw.randint(-200, 200), clock_start_us=2**32 - 20_000_000
        )
        begin_us = int(asyncio.get_running_loop().time() * 1e6)
        hooks = SometimesCut(random.Random(seed + 1))
        self.board = Board(settings, self.belt, random.Random(seed + 2), begin_us, hooks)
        self.belt.base = lambda: self.board.orders.count_base
        self.lines = BadLines(self.board, PacedLine(baud, random.Random(seed + 3), faults))
        self.intents = Slots(random.Random(seed + 4))
        self.outcomes: dict[Act, Outcome] = {}
        self.pulses: dict[Act, Pulse] = {}
        self.uncertain_us = 10_500  # the points' clock_limit_ms, and what the clock drifts over 16 PINGs
        self.faults: Counter[str] = Counter()
        self.clock = LoopClock()
        self.settings = LinkSettings(port="/dev/sim", baud=baud, counts_per_mm=COUNTS_PER_MM, rearm="auto")
        self.device = self._device()
        self.task = asyncio.create_task(self.device.run(), name="device")

    def _device(self) -> LinkDevice:
        return LinkDevice(
            self.settings,
            Context(
                device="board",
                points=POINTS,
                clock=self.clock,
                entropy=Draws(self.draw),
                lines=self.lines,
                folder=NoFolder(),
                intents=self.intents,
                report=lambda arrival: None,
                settled=self.record,
                say=lambda text: None,
            ),
        )

    def record(self, outcome: Outcome) -> None:
        assert outcome.act not in self.outcomes, "two outcomes for one act"
        self.outcomes[outcome.act] = outcome
        if (intent := self.intents.by_act.get(outcome.act)) is not None:
            self.intents.settle(intent)

    def was_in_its_window(self, act: Act, happened_us: int) -> bool:
        """Whether the pin moved when the pulse allowed it (NOW has no instant of its own)."""
        pulse = self.pulses[act]
        if pulse.trigger is Trigger.TIME:
            begin_us = pulse.begin / 1000
            return begin_us - self.uncertain_us <= happened_us <= begin_us + pulse.late * 1e6 + self.uncertain_us
        if pulse.trigger is Trigger.POSITION:
            where_mm = self.belt.where_mm[self.intents.by_act[act].command_id]
            return pulse.begin - 0.1 <= where_mm <= pulse.begin + pulse.late + 0.1
        return True

    async def restart_host(self, kill: bool) -> None:
        if kill and self.lines.host is not None:
            self.lines.host = None  # nothing of a farewell reaches the board
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)
        await asyncio.sleep(0)
        self.device = self._device()
        self.task = asyncio.create_task(self.device.run(), name="device")

    async def misfortunes(self) -> None:
        draw = self.draw
        while True:
            await asyncio.sleep(draw.expovariate(1 / 1.5))
            kind = draw.choice(("outage", "deaf", "mute", "warm", "cold", "unplug", "restart", "kill", "blocked"))
            self.faults[kind] += 1
            for_s = draw.choice((0.05, 0.2, 0.4, 0.9))
            match kind:
                case "outage" | "deaf" | "mute":
                    ways = {"outage": (TO_BOARD, TO_HOST), "deaf": (TO_BOARD,), "mute": (TO_HOST,)}[kind]
                    for way in ways:
                        self.lines.line.cut(way)
                    await asyncio.sleep(for_s)
                    for way in ways:
                        self.lines.line.cut(way, False)
                case "warm" | "cold":
                    self.board.reset(self.lines.now_us(), Cause.BROWN_OUT, kind == "warm")
                    self.lines.moved()
                case "unplug":
                    if self.lines.host is not None:
                        self.lines.host.on_lost("/dev/sim: unplugged")
                case "restart" | "kill":
                    await self.restart_host(kind == "kill")
                case "blocked" if self.lines.host is not None:
                    line, held = self.lines.host, bytearray()
                    take, line.on_bytes = line.on_bytes, held.extend
                    await asyncio.sleep(for_s)
                    line.on_bytes = take
                    if held:
                        take(bytes(held))

    async def fire(self, index: int) -> None:
        draw, act = self.draw, Act(f"part-{index}", "gate", 0)
        trigger = draw.choice((Trigger.NOW, Trigger.TIME, Trigger.POSITION))
        begin, late = 0.0, draw.choice((0.01, 0.05, 0.2))
        if trigger is Trigger.TIME:
            begin = self.clock.monotonic_ns() + draw.uniform(-0.02, 0.3) * 1e9
        elif trigger is Trigger.POSITION:
            begin = self.device.service.link.count / COUNTS_PER_MM + draw.uniform(-5, 150)
            late *= 100
        pulse = Pulse(act, "gate", 1.0, trigger, begin, late, 0.01, draw.choice((0.0, 2.0)))
        self.pulses[act] = pulse
        try:
            outcome = await self.device.fire(pulse)
        except LinkDown:
            return  # the intent is open; the next device settles it
        if draw.random() < 0.05:
            self.device.withdraw(act)
        self.record(outcome)


async def _scenario(seed: int, acts: int, baud: int, faults: LineFaults = FAULTS) -> tuple[Run, float]:
    one = Run(seed, baud, faults)
    began_s = asyncio.get_running_loop().time()
    chaos = asyncio.create_task(one.misfortunes(), name="misfortunes")
    firing: set[asyncio.Task[None]] = set()
    for index in range(acts):
        await asyncio.sleep(one.draw.expovariate(1 / 0.03))
        task = asyncio.create_task(one.fire(index), name=f"fire {index}")
        firing.add(task)
        task.add_done_callback(firing.discard)
        if one.draw.random() < 0.03:
            one.device.withdraw(Act(f"part-{index - one.draw.randint(0, 3)}", "gate", 0))
    chaos.cancel()
    await asyncio.gather(chaos, return_exceptions=True)
    if one.task.done():  # cut short in the middle of a restart
        await one.restart_host(kill=False)
    if one.lines.host is not None:
        one.lines.host.on_bytes = one.lines.host.taker
    for way in (TO_BOARD, TO_HOST):
        one.lines.line.cut(way, False)
    await asyncio.sleep(10.0)
    await asyncio.gather(*firing)
    assert not one.task.done(), one.task
    one.task.cancel()
    await asyncio.gather(one.task, return_exceptions=True)
    return one, asyncio.get_running_loop().time() - began_s


def _check(one: Run, acts: int) -> dict[str, Any]:
    kinds: Counter[str] = Counter()
    why: Counter[str] = Counter()
    doubted_and_done = 0
    worst_us = timed = 0
    assert not one.intents.opened, "unresolved"
    assert len(one.outcomes) == acts
    for act, outcome in one.outcomes.items():
        kinds[outcome.kind] += 1
        why[outcome.why] += 1
        intent = one.intents.by_act.get(act)
        times = one.belt.done.get(intent.command_id, []) if intent is not None else []
        assert len(times) <= 1, f"{act} happened {len(times)} times"
        if outcome.kind is OutcomeKind.EXECUTED:
            assert times, f"{act} is claimed and did not happen"
            assert one.was_in_its_window(act, times[0]), f"{act} happened outside its window: {one.pulses[act]}"
            if outcome.at_ns:  # not known after a reset: the board's clock began anew
                timed += 1
                worst_us = max(worst_us, abs(outcome.at_ns // 1000 - times[0]))
        elif outcome.kind is OutcomeKind.NOT_EXECUTED:
            assert not times, f"{act} is denied and happened: {outcome}"
        else:
            doubted_and_done += bool(times)
    assert sum(map(len, one.belt.done.values())) == kinds[OutcomeKind.EXECUTED] + doubted_and_done
    return {
        "timed": timed,
        "kinds": dict(kinds),
        "doubted and done": doubted_and_done,
        "worst us": worst_us,
        "why": why.most_common(),
    }


@pytest.mark.parametrize(("seed", "baud"), [(20261, 1_000_000), (20262, 115_200)])
def test_no_act_twice_no_false_claim_none_unresolved(seed: int, baud: int) -> None:
    one, took_s = run(_scenario(seed, ACTS // 2, baud), within_s=3600)
    told = _check(one, ACTS // 2)
    print(f"seed {seed}, {baud} baud, {took_s:.0f} s of virtual time, {dict(one.faults)}: {told}")

    assert told["kinds"][OutcomeKind.EXECUTED] > ACTS // 8, "a run in which little happens proves little"
    assert told["timed"] > told["kinds"][OutcomeKind.EXECUTED] * 0.95
    assert told["worst us"] < 5_000


@pytest.mark.parametrize(
    "faults",
    [
        LineFaults(echo=True),
        LineFaults(delay=0.002, duplicate=0.02, split=0.3),
        LineFaults(flip_per_byte=2e-3, drop_per_byte=1e-3, noise=0.02, duplicate=0.01),
    ],
    ids=["echo", "delay", "heavy"],
)
def test_other_bad_lines_cost_acts_but_not_the_truth(faults: LineFaults) -> None:
    seed = 20263
    one, _ = run(_scenario(seed, 500, 115_200, faults), within_s=3600)
    told = _check(one, 500)
    print(f"seed {seed}: {told}")

    assert told["kinds"][OutcomeKind.EXECUTED] > 100
