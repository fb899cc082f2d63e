"""The machine that the board moves: a belt that jams, an eye that bounces, an emergency stop, and a witness.

The witness notes each change of an output and the command that caused it. Whether a promise was kept is read from
here, never from what the link says.
"""

from __future__ import annotations

import random
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Protocol

from ripieno_sim.plant import FLOW, Belt, Motion
from ripieno_sim.seeds import stream

EYE, ESTOP = 0, 2
SAFE_VALUES = {0: 0, FLOW: 10_000}
SILENCE_US = 300_000
GRACE_US = 1_000
"""What an output may be late by: the board looks when its loop comes round."""


class Told(Protocol):
    """What the machine tells: the board."""

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Take an edge of an input."""

    def speed_changed(self) -> None:
        """Take notice of another speed."""


@dataclass(slots=True)
class Execution:
    """An output changed because of a command. `count` is the belt's own, `off_us` when that value ended."""

    t_us: int
    count: int
    channel: int
    off_us: int = 0


class SoakMachine:
    """The board's `Machine`. Call `advance` at `next_us` and no later.

    Args:
        seed: of the run.
        motion: how the belt moves.
        items_hz: how many items pass the eye in a second; 0: none.
        bounce: how likely an edge of the eye bounces.
    """

    def __init__(self, seed: int, motion: Motion, items_hz: float, bounce: float) -> None:
        self.belt = Belt(motion, stream(seed, "belt"))
        self.belt.start(0)
        self.executions: dict[Hashable, list[Execution]] = {}
        """By what `owners` says of a command when it happens, else by its id."""
        self.owners: dict[int, Hashable] = {}
        """Whose command an id is now: an id that was never durable is given again."""
        self.unsafe: list[str] = []
        self.heard_us = 0
        self.hung_until_us = 0
        self.board: Told | None = None
        self._draw: random.Random = stream(seed, "eye")
        self._items_hz, self._bounce = items_hz, bounce
        self._edges_us: list[int] = []
        self._levels = 0
        self._on: dict[int, tuple[int, Execution | None]] = {}
        if items_hz:
            self._edges_us.append(50_000)

    def count_at(self, now_us: int) -> int:
        """Return the encoder's position."""
        return self.belt.count_at(now_us)

    def time_of_count(self, count: int) -> int | None:
        """Return when a count is reached at the present speed."""
        return self.belt.time_of_count(count)

    def inputs(self, now_us: int) -> int:
        """Return the levels of the inputs."""
        return self._levels

    def output(self, channel: int, value: int, cmd_id: int | None, t_us: int) -> None:
        """Note an output's new value; one that stayed on too long over a silent line is noted as unsafe."""
        since = self._on.pop(channel, None)
        if since is not None:
            self._ended(channel, t_us, *since)
        execution = None
        if cmd_id is not None:
            execution = Execution(t_us, self.belt.count_at(t_us), channel)
            self.executions.setdefault(self.owners.get(cmd_id, cmd_id), []).append(execution)
        if value != SAFE_VALUES[channel]:
            self._on[channel] = (t_us, execution)
            if self._levels >> ESTOP & 1:
                self.unsafe.append(
                    f"channel {channel} was switched on while the emergency stop was pressed (at {t_us} us)"
                )

    def still_on(self, now_us: int) -> list[int]:
        """Return the channels whose output is not safe though the line has been silent for long enough."""
        return [channel for channel in self._on if now_us > self._safe_by_us()]

    def heard(self, now_us: int) -> None:
        """Bytes reached the board; one that hangs sees them when it goes on."""
        self.heard_us = max(now_us, self.hung_until_us)

    def hang(self, now_us: int, until_us: int) -> None:
        """The board sees nothing until then; bytes that still wait from an earlier hang wait on."""
        if self.heard_us > now_us:
            self.heard_us = until_us
        self.hung_until_us = until_us

    def press(self, number: int, pressed: bool, now_us: int) -> None:
        """Let an input rise or fall."""
        if bool(self._levels >> number & 1) != pressed:
            self._levels ^= 1 << number
            if self.board is not None:
                self.board.input_edge(number, pressed, now_us)

    def next_us(self) -> int | None:
        """Return when `advance` has something to do."""
        change_us = self.belt.next_change_us()
        edge_us = self._edges_us[0] if self._edges_us else None
        if change_us is None or edge_us is None:
            return edge_us if change_us is None else change_us
        return min(change_us, edge_us)

    def advance(self, now_us: int) -> None:
        """Do what is due."""
        if self.belt.advance(now_us) and self.board is not None:
            self.board.speed_changed()
        while self._edges_us and self._edges_us[0] <= now_us:
            self._edges_us.pop(0)
            self.press(EYE, not self._levels >> EYE & 1, now_us)
            if not self._edges_us:
                self._plan_edges(now_us)

    def _plan_edges(self, now_us: int) -> None:
        draw, at_us = self._draw, now_us
        if draw.random() < self._bounce:
            for _ in range(2 * draw.randint(1, 10)):
                at_us += draw.randint(50, 1_000)
                self._edges_us.append(at_us)
        self._edges_us.append(at_us + int(draw.uniform(0.2, 0.8) * 1e6 / self._items_hz))

    def _ended(self, channel: int, t_us: int, since_us: int, execution: Execution | None) -> None:
        if execution is not None:
            execution.off_us = t_us
        if t_us > self._safe_by_us():
            silent_ms = (t_us - self.heard_us) / 1000
            self.unsafe.append(f"channel {channel} stayed on for {silent_ms:.1f} ms of a silent line (at {t_us} us)")

    def _safe_by_us(self) -> int:
        return max(self.heard_us + SILENCE_US, self.hung_until_us) + GRACE_US
