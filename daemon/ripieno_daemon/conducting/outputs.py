"""What the engine wants of machines and other systems: done by the devices, or withheld while the outputs are held.

Held outputs take nothing but their safe values: pulses are not sent, those that wait are taken back, setpoints are
remembered for the moment at which a person rearms. An output that is out of its rules' hands (mode_desk.py) takes
nothing of theirs, whatever the engine knows of it yet; one that is only observed takes nothing at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from ripieno import engine as rooms
from ripieno.contracts.driver import BookingDevice, Device
from ripieno.engine.hands import CAUSE
from ripieno.errors import CommandRefused, LinkDown, RipienoError
from ripieno.plan import OutputPlan, PipelinePlan
from ripieno.values import Act, Outcome, OutcomeKind, Setpoint, Trigger

from .modes import BYPASS, MANUAL, OBSERVE
from .standstill import LONGEST_TEXT, Held, Standstill
from .timeline import Timeline

INDICATOR_S = 2.0  # a lamp goes dark so long after the daemon has died
UNMOVED = (OBSERVE, BYPASS)


class Outputs:
    """The outputs of a plan.

    Args:
        settled: takes the outcome of an act.
        say: one sentence for a person.
    """

    def __init__(
        self, plan: PipelinePlan, timeline: Timeline, settled: Callable[[Outcome], None], say: Callable[[str], None]
    ) -> None:
        self._plans = {output.name: output for output in plan.outputs}
        self._timeline, self._settled, self._say = timeline, settled, say
        self._devices: Mapping[str, Device] = {}
        self._bound = asyncio.Event()
        self._is_ending = False
        self._standstill: Standstill | None = None
        self._on_held: Callable[[Held | None], None] = lambda held: None
        self._wanted: dict[str, Setpoint] = {}
        self._firing: dict[Act, Device] = {}
        self._taken: dict[str, str] = {}
        self._moved: set[str] = set()  # setpoints that were set in this life

    def bind(self, devices: Mapping[str, Device]) -> None:
        """Take the opened devices, by point name."""
        self._devices = devices
        bound, self._bound = self._bound, asyncio.Event()
        bound.set()

    def end(self) -> None:
        """No device is opened again: a booking that waits for one is left to the next start."""
        self._is_ending = True
        self._bound.set()

    def obey(self, standstill: Standstill, on_held: Callable[[Held | None], None]) -> None:
        """Take what may hold the outputs; one that holds them already is in force from the first effect on.

        `on_held`: called when they are held, and with None when they are let go.
        """
        self._standstill, self._on_held = standstill, on_held
        if standstill.held is not None:
            on_held(standstill.held)

    @property
    def held(self) -> Held | None:
        """Who holds the outputs safe, None for nobody."""
        return self._standstill.held if self._standstill is not None else None

    def hold(self, by: str, why: str) -> Awaitable[None]:
        """Hold all outputs at their safe values from this moment on: setpoints at once, pulses not sent, those that
        wait taken back; a pulse that has begun ends by its own span.

        What is returned ends when a restart would know it too. Raises StorageError.
        """
        assert self._standstill is not None
        held = Held(by, why[:LONGEST_TEXT], self._timeline.wall_ns())
        durable = self._standstill.hold(held)
        self._on_held(held)
        for act, device in list(self._firing.items()):
            self._ask(lambda device=device, act=act: device.withdraw(act))  # type: ignore[misc]
        for output in self._plans.values():
            is_ours = self._taken.get(output.name) != OBSERVE
            if output.kind == "setpoint" and output.name in self._devices and is_ours:
                self._ask(lambda output=output: self._devices[output.name].set(_safe(output)))  # type: ignore[misc]
        return durable

    def release(self) -> Awaitable[None]:
        """Let the outputs move again; every device is told. Raises StorageError as `hold`."""
        assert self._standstill is not None
        durable = self._standstill.release()
        self._on_held(None)
        for setpoint in [one for one in self._wanted.values() if self._taken.get(one.output) not in UNMOVED]:
            self._ask(lambda setpoint=setpoint: self._devices[setpoint.output].set(setpoint))  # type: ignore[misc]
        self._wanted.clear()
        for device in {id(each): each for each in self._devices.values()}.values():
            try:
                device.rearm()
            except CommandRefused:
                pass  # it has no outputs
        return durable

    def set(self, setpoint: Setpoint) -> None:
        """Take a new value; while they are held, remember it."""
        device = self._devices.get(setpoint.output)
        if device is None or self._taken.get(setpoint.output) in UNMOVED:
            return
        self._moved.add(setpoint.output)
        if self.held is None:
            device.set(setpoint)
            return
        self._wanted[setpoint.output] = setpoint
        device.set(_safe(self._plans[setpoint.output]))

    def indicate(self, point: str, on: bool) -> bool:
        """Switch a lamp, which is never held; return whether its device is open."""
        device = self._devices.get(point)
        if device is not None:
            self._ask(lambda: device.set(Setpoint(point, float(on), INDICATOR_S)))
        return device is not None

    def take(self, output: str, how: str) -> None:
        """Take an output from its rules (observe, manual, bypass), or give it back (""): acts that wait and are not of
        who has it now are taken back. One that was set and is nobody's now is put to its safe value, once.
        """
        if how:
            self._taken[output] = how
        else:
            self._taken.pop(output, None)
        for act, device in list(self._firing.items()):
            if act.output == output and not self._may(act):
                self._ask(lambda device=device, act=act: device.withdraw(act))  # type: ignore[misc]
        if how in UNMOVED and output in self._moved:
            self._moved.discard(output)
            self._ask(lambda: self._devices[output].set(_safe(self._plans[output])))

    def _may(self, act: Act) -> bool:
        """Whether who wants this act has its output now."""
        how = self._taken.get(act.output, "")
        return how == MANUAL if act.cause.startswith(CAUSE) else not how

    def withdraw(self, act: Act) -> None:
        """Take an act back if it has not begun."""
        self._devices[act.output].withdraw(act)

    async def fire(self, effect: rooms.Fire) -> None:
        """Do a pulse at most once; its outcome is told, unless nobody can know it now."""
        pulse = effect.pulse
        if pulse.trigger is Trigger.TIME:
            pulse = replace(pulse, begin=self._timeline.to_host(int(pulse.begin)))
        device = self._devices[pulse.output]
        if (held := self.held) is not None:
            self._settled(Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, str(held)))
            return
        if not self._may(pulse.act):
            how = self._taken.get(pulse.output, "")
            why = f"withheld: {how}" if how else "its output is its rules' again"
            self._settled(Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, why))
            return
        self._firing[pulse.act] = device
        try:
            outcome = await device.fire(pulse, effect.note)
        except LinkDown:
            return  # it may have been sent, and its intent stays open: the next start asks the device about it
        except RipienoError as error:
            outcome = Outcome(pulse.act, OutcomeKind.NOT_EXECUTED, str(error))
        finally:
            self._firing.pop(pulse.act, None)
        self._settled(outcome)

    async def book(self, effect: rooms.Book) -> None:
        """Have an effect in a system that dedupes by the act's id, by the device that is open then."""
        booking = effect.booking
        outcome: Outcome | None = None
        while outcome is None:
            device, bound = self._devices[booking.output], self._bound
            if not isinstance(device, BookingDevice):
                raise CommandRefused(f"{booking.output}: the driver of its device claims bookings and makes none")
            try:
                outcome = await device.book(booking)
            except LinkDown:
                if self._is_ending:
                    return
                await bound.wait()  # its driver has stopped
            except CommandRefused as error:
                outcome = Outcome(booking.act, OutcomeKind.NOT_EXECUTED, str(error))
        if outcome.kind is not OutcomeKind.EXECUTED:
            self._say(f"ALARM {booking.act}: not booked: {outcome.why}")
        self._settled(outcome)

    def _ask(self, ask: Callable[[], None]) -> None:
        """Ask a device; one that refuses says so and keeps nobody from asking the next."""
        try:
            ask()
        except RipienoError as error:
            self._say(f"refused: {error}")


def _safe(output: OutputPlan) -> Setpoint:
    return Setpoint(output.name, float(output.safe), output.lease_ns / 1e9)
