"""A camera behind a capture process: supervised, killed when it stalls, made anew on a ladder, told when it fails.

made --first picture--> up --no word for `stall_s`--> killed --+
  |                      +--its death, or LOST------------------+--> down, waits on the ladder --> made
  +--no picture within `open_s`--> killed ----------------------+
  a file that was played to its end is down for good
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.contracts.ports import Child, SharedMemory
from ripieno.contracts.slots import SlotRef, parse_slot
from ripieno.errors import CommandRefused, DeviceError
from ripieno.values import Act, DeviceDown, DeviceUp, Frame, Health, Outcome, Pulse, Setpoint

from .capture import words
from .capture.job import Job
from .capture.words import Shot
from .handover import Handover, Moves

MODULE: Final = "ripieno_drivers.cameras.capture.program"
RETRY_S: Final = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
HELD_S: Final = 30.0  # a process that served so long begins the ladder anew
LOOK_S: Final = 0.1


@dataclass(slots=True)
class Life:
    """One capture process: what is known of it. Times in ns of the monotonic clock."""

    began_ns: int
    heard_ns: int
    number: int = 0
    is_up: bool = False
    why: str = ""
    is_final: bool = False


class CapturedCamera:
    """The device; see the settings of each driver."""

    def __init__(self, job: Job, stall_s: float, context: Context) -> None:
        self._job, self._stall_s, self._context = job, stall_s, context
        self._inputs = [point.name for point in context.points if point.kind == "frame"]
        self._handover = Handover(job.every, len(self._inputs))
        self._memory: SharedMemory | None = None
        self._child: Child | None = None
        self._life = Life(0, 0)
        self._over = asyncio.Event()
        self._base = 0
        self._blanks = 0
        self._reported = 0
        self._lives = 0
        self._told_why = ""

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            DeviceError: there can be no processes here.
        """
        processes, name = self._context.processes, self._context.device
        if processes is None:
            raise DeviceError(f"{name}: a camera of this kind needs a process of its own, and there are none here")
        self._memory = processes.memory(name)
        try:
            failures = 0
            while not self._life.is_final:
                await self._live()
                held = self._context.clock.monotonic_ns() - self._life.began_ns > HELD_S * 1e9
                failures = 0 if held and self._life.is_up else failures
                self._tell_down()
                await self._context.clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                failures += 1
            await asyncio.get_running_loop().create_future()  # played to the end: wait to be cancelled
        finally:
            pictures = self._base + self._life.number - self._blanks
            self._context.say(f"{name}: {pictures} pictures seen, {pictures - self._reported} passed over")
            self._memory.close()

    def seen(self, ref: str) -> None:
        """See contracts.driver.PictureDevice."""
        try:
            stamp = parse_slot(ref).stamp
        except ValueError:
            return
        # Not at once: this may be called from inside a report, and what follows reports again.
        asyncio.get_running_loop().call_soon(lambda: self._move(self._handover.seen(stamp)))

    async def _live(self) -> None:
        """Run one capture process to its end."""
        assert self._context.processes is not None and self._memory is not None
        self._base += self._life.number
        self._lives += 1
        now_ns = self._context.clock.monotonic_ns()
        life = self._life = Life(now_ns, now_ns)
        self._handover = Handover(self._job.every, len(self._inputs))
        self._over.clear()
        # Stamps of another process of this camera, also of an earlier daemon's, must not come again.
        first = int.from_bytes(self._context.entropy.token(3), "big") << 6 | self._lives & 0x3F
        job = replace(self._job, first=first)
        try:
            child = self._child = await self._context.processes.start(
                MODULE, [], self._memory, lambda said: self._hear(life, said), self._ended
            )
            child.send(words.pack(words.JOB, job.to_text()))
        except DeviceError as error:
            life.why = str(error)
            return
        try:
            await self._watch(life, child)
        finally:
            self._child = None
            if not self._over.is_set():
                child.kill()
            await child.stop()

    async def _watch(self, life: Life, child: Child) -> None:
        clock = self._context.clock
        while not self._over.is_set():
            silent_s = (clock.monotonic_ns() - life.heard_ns) / 1e9
            limit_s = self._stall_s if life.is_up else self._job.open_s + self._stall_s
            if silent_s > limit_s:
                what = f"no picture for {silent_s:.1f} s" if life.is_up else f"not open within {self._job.open_s:g} s"
                life.why = f"stalled: {what}; its process is replaced"
                return
            try:
                async with asyncio.timeout(min(LOOK_S, max(0.01, limit_s - silent_s))):
                    await self._over.wait()
            except TimeoutError:
                pass

    def _ended(self, how: str) -> None:
        if not self._life.why:
            self._life.why = how
        self._over.set()

    def _hear(self, life: Life, message: bytes) -> None:
        if life is not self._life or life.why:
            return
        try:
            kind, *rest = words.unpack(message)
            if kind == words.SHOT:
                self._shot(life, Shot(*rest))
            elif kind == words.BEAT:
                life.heard_ns = self._context.clock.monotonic_ns()
                life.number = max(life.number, int(rest[0]))
            elif kind == words.OPENED and rest[0]:
                self._context.say(f"{self._context.device}: {rest[0]}")
            elif kind in (words.ENDED, words.LOST):
                life.number, life.why, life.is_final = int(rest[0]), str(rest[1]), kind == words.ENDED
        except (ValueError, TypeError, IndexError) as error:
            life.why = f"its process sends what is no message ({error})"
            if self._child is not None:
                self._child.kill()

    def _shot(self, life: Life, shot: Shot) -> None:
        now_ns = self._context.clock.monotonic_ns()
        life.heard_ns = now_ns
        life.number = shot.number
        if not life.is_up:
            life.is_up = True
            self._context.report(DeviceUp(self._context.device, 0, now_ns))
        self._move(self._handover.offer(shot))

    def _move(self, moves: Moves) -> None:
        for shot in moves.free:
            if shot.offset >= 0 and self._child is not None:
                self._child.send(words.pack(words.FREE, shot.offset, shot.stamp))
        shot_now = moves.report
        if shot_now is None or self._memory is None:
            return
        ref = ""
        if shot_now.offset >= 0:
            place = (shot_now.offset, shot_now.stamp, shot_now.width_px, shot_now.height_px)
            ref = str(SlotRef(self._memory.ref, *place))
        self._reported += 1
        health, still_ns = Health(shot_now.health), shot_now.still_ns
        self._report(ref, self._base + shot_now.number, shot_now.taken_ns, health, shot_now.why, still_ns)

    def _report(self, ref: str, sequence: int, taken_ns: int, health: Health, why: str, still_ns: int) -> None:
        now_ns = self._context.clock.monotonic_ns()
        for point in self._inputs:
            taken = min(taken_ns, now_ns)
            self._context.report(Frame(point, ref, sequence, None, taken, now_ns, health, why, still_ns))

    def _tell_down(self) -> None:
        """Say why no pictures come; where they were expected, one picture that is none makes the results unknown.

        Tried again and failed for the same reason, it is not said again.
        """
        life, device = self._life, self._context.device
        if not life.is_up and life.why == self._told_why:
            return
        self._told_why = life.why
        now_ns = self._context.clock.monotonic_ns()
        if not life.is_final:
            life.number += 1
            self._blanks += 1
            self._report("", self._base + life.number, now_ns, Health.STALE, life.why, 0)
        self._context.report(DeviceDown(device, life.why, now_ns))

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
