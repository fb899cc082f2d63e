"""The camera station and its driver: pictures in slots that are used again, each with the board's count at exposure.

A picture is nothing but the number of the part that it shows. What can go wrong with it is switched here by the
misfortunes; what a camera would notice itself (dark, the same picture again) the driver says, as a real one does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ripieno.contracts.driver import Context, Device, Driver
from ripieno.errors import CommandRefused
from ripieno.values import Act, DeviceUp, Frame, Health, Outcome, Pulse, Setpoint
from ripieno_sim.plant import Part
from ripieno_sim.plant.belt import COUNTS_PER_MM
from ripieno_sim.seeds import stream

from ..loop import START_NS, VirtualLoop

SLOTS: Final = 64
LATE_S: Final = (0.02, 3.0)


@dataclass(frozen=True, slots=True)
class Picture:
    """What is in a slot: the index of the part that it shows, None where it shows none, and the part's true state."""

    part: int | None
    state: str


@dataclass(frozen=True, slots=True)
class Shot:
    """A picture as the station tells it. `count`: of the board's encoder, None while the board does not know it."""

    ref: str
    sequence: int
    count: int | None
    taken_us: int
    still_us: int
    health: Health
    why: str


class Station:
    """Takes a picture of each part at the camera; `hear` is who is told, None while no daemon listens.

    Args:
        count: gives the board's count at a time, None while the board does not know it.
        pitch_mm: of the parts; a foreign picture claims to be from half way between two.
    """

    def __init__(
        self,
        seed: int,
        loop: VirtualLoop,
        chances: Mapping[str, float],
        count: Callable[[int], int | None],
        pitch_mm: int,
    ) -> None:
        self.hear: Callable[[Shot], None] | None = None
        self.is_stopped = self.is_dark = self.is_frozen = False
        self.no_room = 0
        self.wrong: list[str] = []
        self.shown: dict[str, Picture] = {}
        self._loop, self._chances, self._count, self._pitch_mm = loop, chances, count, pitch_mm
        self._draw = stream(seed, "station")
        self._sequence = 0
        self._last: tuple[Picture, int] | None = None

    def shutter(self, part: Part, count: int, t_us: int) -> None:
        """A part is at the camera."""
        draws = [self._draw.random() for _ in range(5)]  # always as many, so that one fault moves no other
        if self.is_stopped or draws[0] < self._chances["picture-missing"]:
            return
        picture, still_us = Picture(part.index, part.state), 0
        if self.is_frozen and self._last is not None:
            picture, since_us = self._last
            still_us = t_us - since_us
        else:
            self._last = picture, t_us
        at = self._count(t_us)
        delay_s = LATE_S[0] * (LATE_S[1] / LATE_S[0]) ** draws[4] if draws[3] < self._chances["picture-late"] else 0.0
        self._tell(picture, at, t_us, still_us, delay_s)
        if draws[1] < self._chances["picture-twice"]:
            self._tell(picture, at, t_us, still_us, delay_s + 0.001)
        if at is not None and draws[2] < self._chances["picture-foreign"]:
            self._tell(Picture(None, "normal"), at + self._pitch_mm * COUNTS_PER_MM // 2, t_us, 0, 0.0)

    def free(self, ref: str) -> None:
        """Nobody needs this picture any more."""
        if self.shown.pop(ref, None) is None:
            self.wrong.append(f"the picture {ref} was given back twice, or never taken")

    def deafen(self) -> None:
        """Whoever listened is dead; what it held is free."""
        self.hear = None
        self.shown.clear()

    def _tell(self, picture: Picture, count: int | None, t_us: int, still_us: int, delay_s: float) -> None:
        self._sequence += 1
        health, why = (Health.DARK, "the picture is dark") if self.is_dark else (Health.GOOD, "")
        shot = Shot(f"slot {self._sequence}", self._sequence, count, t_us, still_us, health, why)
        if delay_s:
            self._loop.call_later(delay_s, self._hand, shot, picture)
        else:
            self._hand(shot, picture)

    def _hand(self, shot: Shot, picture: Picture) -> None:
        if self.hear is None:
            return
        if len(self.shown) >= SLOTS:
            self.no_room += 1
            return
        self.shown[shot.ref] = picture
        self.hear(shot)


class StationCamera:
    """The driver's device; one daemon's end of the station."""

    def __init__(
        self, context: Context, listen: Callable[[Callable[[Shot], None] | None], None], free: Callable[[str], None]
    ) -> None:
        self._context, self._listen, self._free = context, listen, free
        self._inputs = [point.name for point in context.points]

    async def run(self) -> None:
        """Serve until cancelled."""
        self._listen(self._shot)
        self._context.report(DeviceUp(self._context.device, 0, self._context.clock.monotonic_ns()))
        try:
            await asyncio.get_running_loop().create_future()
        finally:
            self._listen(None)

    def seen(self, ref: str) -> None:
        """See contracts.driver.PictureDevice."""
        self._free(ref)

    def _shot(self, shot: Shot) -> None:
        now_ns = self._context.clock.monotonic_ns()
        taken_ns, still_ns = START_NS + shot.taken_us * 1000, shot.still_us * 1000
        where_mm = None if shot.count is None else shot.count / COUNTS_PER_MM
        for name in self._inputs:
            self._context.report(
                Frame(name, shot.ref, shot.sequence, where_mm, taken_ns, now_ns, shot.health, shot.why, still_ns)
            )

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        raise self._no_outputs()

    def withdraw(self, act: Act) -> None:
        raise self._no_outputs()

    def set(self, setpoint: Setpoint) -> None:
        raise self._no_outputs()

    def rearm(self) -> None:
        raise self._no_outputs()

    def _no_outputs(self) -> CommandRefused:
        return CommandRefused(f"{self._context.device}: a camera has no outputs")


@dataclass(frozen=True, kw_only=True)
class StationSettings:
    """Nothing to set."""


@dataclass(frozen=True, kw_only=True)
class StationPoint:
    """Nothing to set."""


def _elsewhere(settings: Any, context: Context) -> Device:
    raise CommandRefused(f"{context.device}: this camera is in a simulated world only")


DRIVER: Final = Driver(
    name="campaign-camera",
    summary="a camera station of ripieno sim run",
    settings=StationSettings,
    point=StationPoint,
    inputs=frozenset({"frame"}),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=False,
    open=_elsewhere,
)
