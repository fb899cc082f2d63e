"""Driver `simulated-line`: a device file that needs no machine brings its own, in a process beside the daemon.

It has no inputs and outputs: the board that it simulates is bound through the driver `link`, as a real one is.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Annotated

from annotated_types import Ge, MinLen, doc

from ripieno.contracts.driver import Context, Driver, Place
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, DeviceDown, DeviceUp, Outcome, Pulse, Setpoint

PROGRAM = "ripieno_sim.stage.site.program"
AGAIN_S = 1.0


@dataclass(frozen=True, kw_only=True)
class LineSettings:
    """A conveyor with photo-eye, camera, gate and extruder that exists nowhere."""

    path: Annotated[
        str,
        Place(),
        MinLen(1),
        doc("a folder; the serial port `conveyor` and the camera's folder `camera` appear in it"),
    ]
    seed: Annotated[int, Ge(0), doc("decides every random draw of the plant")] = 7


@dataclass(frozen=True, kw_only=True)
class NoPoint:
    """Nothing is bound to the line itself."""


class SimulatedLine:
    """Runs the program, and again when it dies."""

    def __init__(self, settings: LineSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._heard, self._ended = asyncio.Event(), asyncio.Event()
        self._how = ""

    async def run(self) -> None:
        """See Device.run."""
        processes = self._context.processes
        if processes is None:
            raise DeviceError("a simulated line needs a process of its own, and there are none in virtual time")
        while True:
            self._heard.clear()
            self._ended.clear()
            memory = processes.memory(self._context.device)
            try:
                child = await processes.start(
                    PROGRAM, [self._settings.path, str(self._settings.seed)], memory, self._hear, self._end
                )
                try:
                    await self._heard.wait()
                    now_ns = self._context.clock.monotonic_ns()
                    self._context.report(DeviceUp(self._context.device, 0, now_ns))
                    await self._ended.wait()
                finally:
                    await child.stop()
            finally:
                memory.close()
            self._context.report(DeviceDown(self._context.device, self._how, self._context.clock.monotonic_ns()))
            await self._context.clock.sleep(AGAIN_S)

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """See Device.fire."""
        raise CommandRefused(f"{self._context.device}: a simulated line has no outputs of its own")

    def withdraw(self, act: Act) -> None:
        """See Device.withdraw."""

    def set(self, setpoint: Setpoint) -> None:
        """See Device.set."""
        raise CommandRefused(f"{self._context.device}: a simulated line has no outputs of its own")

    def rearm(self) -> None:
        """See Device.rearm."""
        raise CommandRefused(f"{self._context.device}: a simulated line has no outputs of its own")

    def _hear(self, message: bytes) -> None:
        self._heard.set()

    def _end(self, how: str) -> None:
        self._how = how
        self._heard.set()
        self._ended.set()


DRIVER = Driver(
    name="simulated-line",
    summary="a conveyor line that exists nowhere: for a first look, and for tests",
    settings=LineSettings,
    point=NoPoint,
    inputs=frozenset(),
    outputs=frozenset(),
    pulse_contract="none",
    falls_safe=True,
    open=SimulatedLine,
)
