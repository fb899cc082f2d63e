"""Everything that outlives the daemon: clock, machine, board, line, camera, sensor, disk, broker, consumer."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ripieno_daemon.fleet import Consumer, Faults, MessageBroker
from ripieno_daemon.ports import InlineStorage
from ripieno_sim.line import CLEAN
from ripieno_sim.plant.belt import COUNTS_PER_MM

from ..loop import START_NS, VirtualLoop
from ..ports import RigLines, SeededEntropy, VirtualClock
from .bundle import BOARD_PORT
from .disk import Disk
from .gauge import Gauge
from .line import Sightings, Steps, build_rig
from .station import Station
from .terms import SPEED_MM_S, Terms
from .wires import Plug, Wires

FLEET: Final = "campaign"
CONSUMER_FILE: Final = "consumer.sqlite"
SAYINGS: Final = 4000
LATEST_S: Final = 5.0  # of a message that the broker delays


class SteppingClock(VirtualClock):
    """A clock whose wall time steps. `steps`: (plant us, offset of the wall time in ns from then on)."""

    def __init__(self, loop: VirtualLoop) -> None:
        super().__init__(loop)
        self.steps: list[tuple[int, int]] = [(0, 0)]

    def wall_ns(self) -> int:
        """Return UTC as the device has it."""
        return super().wall_ns() + self.steps[-1][1]

    def step_to(self, offset_ns: int) -> None:
        """Step the wall time, so that it has this offset from now on."""
        self.steps.append((self.now_us(), offset_ns))


@dataclass(slots=True)
class Told:
    """What happened when (us), for the story: faults, lives, and what the daemon said."""

    faults: list[tuple[int, str]] = field(default_factory=list)
    said: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=SAYINGS))


class Drive:
    """The belt's motor: runs or rests, at a speed, with jams and jerks back."""

    def __init__(self, move: Callable[[int], None]) -> None:
        self.runs = self.is_jammed = self.is_back = False
        self.percent = 100
        self._move = move
        self._speed = 0

    def change(self, **given: object) -> None:
        """Change some of it, and move at what follows."""
        for name, value in given.items():
            setattr(self, name, value)
        full = SPEED_MM_S * COUNTS_PER_MM * self.percent // 100
        speed = 0 if not self.runs or self.is_jammed else -full if self.is_back else full
        if speed != self._speed:
            self._speed = speed
            self._move(speed)


class World:
    """One run's world. `now_us`: plant time."""

    def __init__(self, terms: Terms, state: Path, loop: VirtualLoop) -> None:
        seed, chances = terms.seed, terms.chances
        self.terms, self.loop, self.state = terms, loop, state
        self.clock = clock = SteppingClock(loop)
        self.now_us = clock.now_us
        self.told, self.seen = Told(), Sightings()
        self.undurable: list[tuple[int, int]] = []
        self.steps = Steps(seed, self.seen, self._accepted)
        self.station = Station(seed, loop, chances, self._board_count, terms.pitch_mm)
        self.rig, self.conveyor = build_rig(terms, self.station.shutter, self.seen, self.steps)
        self.lines = RigLines(self.rig, clock, BOARD_PORT)
        self.plug = Plug(self.lines, self.rig.line, self.now_us)
        self.gauge = Gauge(seed, loop, terms.gauge_s, chances["sensor-garbled"])
        self.wires = Wires(self.plug, self.gauge)
        self.disk = Disk(seed, state, clock, self.now_us, terms.slow)
        self.broker = MessageBroker()
        self.mail = Faults(chances["broker-loses"], chances["broker-repeats"], chances["broker-delays"], LATEST_S)
        self.drive = Drive(lambda counts_s: self.on_rig(lambda now_us: self.conveyor.drive_belt(counts_s, now_us)))
        self.is_model_out = False
        self._consumers = 0
        self._counting: asyncio.Task[None] | None = None

    def at(self, at_us: int, deed: Callable[[], object]) -> None:
        """Do something at a plant time, or now if that is past."""
        self.loop.call_at((START_NS + at_us * 1000) / 1e9, deed)

    def on_rig(self, deed: Callable[[int], None]) -> None:
        """Do something to board, line or machine now."""
        self.rig.at(self.now_us(), deed)
        self.lines.moved()

    def start_belt(self) -> None:
        """The daemon is ready for the first time: the belt runs as the terms say."""
        if self.drive.runs or self.conveyor.parts:
            return
        self.conveyor.start(self.now_us())
        self.drive.change(runs=True)
        for begins_us, ends_us in self.terms.belt:
            self.at(begins_us, lambda: self.drive.change(runs=True))
            if ends_us < self.terms.ends_us:
                self.at(ends_us, lambda: self.drive.change(runs=False))

    def start_consumer(self) -> None:
        """Start a process of the consumer, where none runs."""
        if self._counting is None:
            self._consumers += 1
            self._counting = self.loop.create_task(self._consume(f"consumer {self._consumers}"), name="consumer")

    def kill_consumer(self) -> None:
        """Kill it, if it runs."""
        if self._counting is not None:
            self._counting.cancel()
            self._counting = None

    def mend(self) -> None:
        """Everything that a fault has changed is as it should be."""
        self.rig.line.faults = CLEAN
        self.plug.put_back()
        self.plug.mend()
        self.plug.is_stuck = self.steps.is_power_bad = False
        self.station.is_stopped = self.station.is_dark = self.station.is_frozen = False
        self.gauge.is_silent = self.gauge.is_stuck = self.is_model_out = False
        self.disk.is_full = self.disk.fails = self.disk.is_slow = False
        self.broker.start()
        self.start_consumer()
        self.on_rig(lambda now_us: self.conveyor.press_estop(False, now_us))
        self.on_rig(self.rig.board.press_reset_of_estop)
        self.drive.change(runs=True, is_jammed=False, is_back=False)

    def close(self) -> None:
        """Stop everything that would go on by itself."""
        self.kill_consumer()
        self.gauge.stop()
        self.lines.close()

    async def _consume(self, name: str) -> None:
        seed, clock = self.terms.seed, self.clock
        client = self.broker.client("consumer", clock, SeededEntropy(seed, name), faults=self.mail)
        rows = InlineStorage(self.state, clock, lambda _: 0.001).database(CONSUMER_FILE)
        try:
            consumer = await Consumer.open(rows, client, clock, SeededEntropy(seed, f"{name} ids"), FLEET)
            await consumer.run()
        finally:
            await rows.close()

    def _board_count(self, now_us: int) -> int | None:
        orders = self.rig.board.orders
        return orders.count(now_us) if orders.position_valid else None

    def _accepted(self, cmd_id: int, now_us: int) -> None:
        """The board has taken a command: its intent must have been durable before."""
        durable = self.disk.durable.get(cmd_id)
        if durable is None or durable[1] > now_us:
            self.undurable.append((cmd_id, now_us))
