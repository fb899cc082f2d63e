"""The firmware's C core in virtual time, with the interface of `ripieno_sim.board.Board`.

What belongs to the controller and not to its firmware is played here: the crystal, the busy wire, the time that a
boot takes, the receive buffer of a firmware that hangs, and RAM that a reset keeps or loses.
"""

import ctypes
import random
from collections.abc import Callable
from typing import TypeVar

from ripieno_sim.board import BoardSettings, Hooks, Machine, ResetNow, Step, config_crc
from ripieno_sim.board.clock import BoardClock
from ripieno_sim.board.numbers import MASK32, ahead, signed32
from ripieno_sim.codec import Cause, State
from ripieno_sim.firmware.inside import Inside, Ram
from ripieno_sim.firmware.library import SPOKEN_MAX, Look, MachineTable, callbacks, library

__all__ = ["CBoard"]

RECEIVE_ROOM = 256  # bytes that the hardware keeps while the firmware hangs
FARTHEST_US = 1 << 30  # machine.h: time_of_count
DUE, SPEAKS = 1, 2
STEPS = (Step.ACCEPTED, Step.BEFORE_PIN, Step.AFTER_PIN, Step.AFTER_DONE)
Value = TypeVar("Value")


class CBoard:
    """A controller that runs the firmware; see `ripieno_sim.board.Board` for how it is driven.

    Args:
        settings: the board's own properties; the table must be the one that the firmware is built with, and the
            emergency stop its input 2.
        machine: the pins and the belt.
        entropy: seeds tokens, boot ids and epochs.
        now_us: when power comes on.
        hooks: where a test cuts the power.
        firmware: another build of the shared object, such as the instrumented one.

    Raises:
        ToolMissing, BuildFailed: the firmware cannot be built.
        ValueError: the firmware has another table.
    """

    _hangs_until_us: int | None
    _advance_us: int | None
    _speaks_us: int | None

    def __init__(
        self,
        settings: BoardSettings,
        machine: Machine,
        entropy: random.Random,
        now_us: int = 0,
        hooks: Hooks | None = None,
        firmware: ctypes.CDLL | None = None,
    ) -> None:
        self.settings = settings
        self.hooks = hooks
        self.count_base = machine.count_at(now_us)
        self._machine = machine
        self._entropy = entropy
        self._firmware = firmware or library()
        if self._firmware.virtual_config_crc() != config_crc(settings.table):
            raise ValueError("the firmware is built with another table of channels than the settings name")
        self._now_us = self._free_us = now_us
        self._inside_call = False
        self._late_edges: list[tuple[int, bool, int]] = []
        self._cut: ResetNow | None = None
        self._failure: BaseException | None = None
        self._state = ctypes.create_string_buffer(self._firmware.virtual_bytes())
        self._ram = ctypes.create_string_buffer(self._firmware.virtual_journal_bytes())
        self._wire = ctypes.create_string_buffer(SPOKEN_MAX)
        self._due, self._speaks = ctypes.c_uint32(), ctypes.c_uint32()
        self._due_at, self._speaks_at = ctypes.addressof(self._due), ctypes.addressof(self._speaks)
        self._table = MachineTable(port=None, **{name: shape(self._guarded(name)) for name, shape in callbacks.items()})
        self._firmware.virtual_wire_up(
            self._state,
            ctypes.byref(self._table),
            settings.device_uid,
            settings.fw_id,
            settings.byte_ns,
            settings.sample_us,
        )
        self._start(now_us, Cause.POWER, True)

    @property
    def orders(self) -> Inside:
        """What tests ask of the board's inside, named as in the Python board."""
        return Inside(self.clock, self.look, self._count)

    @property
    def journal(self) -> Ram:
        """The memory that a warm reset keeps; `ram` may be written to."""
        look = self.look()
        return Ram(look.epoch, look.last_cmd_id, self._ram)

    @property
    def in_session(self) -> bool:
        """Whether a host has taken up a session since the last reset."""
        return self.look().token != 0

    def look(self) -> Look:
        """Return what the firmware lets a test see."""
        look = Look()
        self._firmware.virtual_look(self._state, ctypes.byref(look))
        return look

    def state(self) -> State:
        """Return the `state` field as it is now."""
        return State(self.look().state)

    def reset(self, now_us: int, cause: Cause, keep_ram: bool, keep_count: bool = True) -> None:
        """Reset: pins fall safe at once, firmware runs again after `boot_us`; see `Board.reset`."""
        values = self.look().values
        for channel in self.settings.table:
            if values[channel.number] != channel.safe:
                self._machine.output(channel.number, channel.safe, None, now_us)
        self._late_edges.clear()
        if not (keep_ram and keep_count):
            self.count_base = self._machine.count_at(now_us)
        if not keep_ram:
            self._ram.raw = self._entropy.randbytes(len(self._ram))
        self._start(now_us + self.settings.boot_us, cause, keep_count or not keep_ram)

    def hang(self, now_us: int, for_us: int) -> None:
        """Let the firmware do nothing: pins stay, bytes pile up. After `watchdog_us` the watchdog resets it, warm."""
        self._hangs_until_us = now_us + min(for_us, self.settings.watchdog_us)
        self._watchdog_bites = for_us >= self.settings.watchdog_us

    def press_reset_of_estop(self, now_us: int) -> None:
        """Press the board's own button: clears a latched emergency stop whose input is no longer active."""
        self._call(now_us, lambda _: self._firmware.virtual_clear_estop(self._state))

    def receive(self, received: bytes, now_us: int) -> None:
        """Take bytes whose last one arrived at `now_us`."""
        if now_us < self._up_us:
            return
        if self._hangs_until_us is not None and now_us < self._hangs_until_us:
            taken = received[: RECEIVE_ROOM - len(self._held)]
            self._overrun += len(received) - len(taken)
            self._held += taken
            return
        self._call(now_us, lambda at: self._firmware.virtual_receive(self._state, received, len(received), at))

    def advance(self, now_us: int) -> None:
        """Do what is due."""
        if now_us < self._up_us:
            return
        if self._hangs_until_us is not None:
            if now_us < self._hangs_until_us:
                return
            self._wake(now_us)
            if now_us < self._up_us:
                return
        if self._cached and (self._advance_us is None or now_us < self._advance_us):
            return
        self._call(now_us, lambda at: self._firmware.virtual_advance(self._state, at))

    def poll(self, now_us: int) -> bytes:
        """Return the frame that starts to go out now, or nothing while the line is busy or there is none."""
        if now_us < self._free_us or now_us < self._up_us or self._hangs_until_us is not None:
            return b""
        if self._cached and (self._speaks_us is None or now_us < self._speaks_us):
            return b""
        size = self._call(now_us, lambda at: self._firmware.virtual_next_wire(self._state, at, self._wire))
        if size:
            self._free_us = now_us - (-size * self.settings.byte_ns // 1000)
        return self._wire.raw[:size]

    def next_deadline_us(self) -> int | None:
        """Return when `advance` or `poll` has something to do; None: only a byte or an edge can change that."""
        if self._hangs_until_us is not None:
            return self._hangs_until_us
        if not self._cached:
            self._ask_deadlines()
        soonest = self._advance_us
        if self._speaks_us is not None:
            speaks_us = max(self._speaks_us, self._free_us)
            soonest = speaks_us if soonest is None or speaks_us < soonest else soonest
        return soonest if soonest is None or soonest > self._up_us else self._up_us

    def input_edge(self, number: int, rising: bool, now_us: int) -> None:
        """Take an edge of an input; a board that is still starting misses it, a hanging one does not.

        An edge that an output causes at once is taken when the firmware has come to an end with that output, as an
        interrupt would be.
        """
        if now_us < self._up_us:
            return
        if self._inside_call:
            self._late_edges.append((number, rising, now_us))
            return
        self._call(now_us, lambda at: self._firmware.virtual_input(self._state, number, rising, at))

    def speed_changed(self) -> None:
        """Take notice that the belt moves at another speed from now on."""
        self._call(self._now_us, lambda at: self._firmware.virtual_speed_changed(self._state, at))

    def _start(self, up_us: int, cause: Cause, position_valid: bool) -> None:
        self._up_us = up_us
        self._hangs_until_us = None
        self._watchdog_bites = False
        self._held = b""
        self._overrun = 0
        self.clock = BoardClock(up_us, self.settings.clock_start_us, self.settings.drift_ppm)
        start = self._firmware.virtual_start
        self._call(up_us, lambda at: start(self._state, self._ram, cause, position_valid, at))

    def _wake(self, now_us: int) -> None:
        """Go on after a hang, or begin anew."""
        self._hangs_until_us = None
        if self._watchdog_bites:
            self.reset(now_us, Cause.WATCHDOG, keep_ram=True)
            return
        held, self._held = self._held, b""
        if self._overrun:
            lost, self._overrun = self._overrun, 0
            self._call(now_us, lambda at: self._firmware.virtual_overrun(self._state, lost, at))
        self.receive(held, now_us)

    def _call(self, now_us: int, function: Callable[[int], Value]) -> Value:
        """Call into the firmware at a time, then let happen what that brought about."""
        self._now_us = now_us
        self._inside_call = True
        try:
            result = function(self.clock.at(now_us) & MASK32)
        finally:
            self._inside_call = False
            self._cached = False
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure
        if self._cut is not None:
            cut, self._cut = self._cut, None
            if cut.keep_ram:
                self._ram.raw = self._kept
            self.reset(now_us, cut.cause, cut.keep_ram)
        edges, self._late_edges = self._late_edges, []
        for number, rising, at_us in edges:
            self.input_edge(number, rising, at_us)
        return result

    def _ask_deadlines(self) -> None:
        board_us = self.clock.at(self._now_us)
        found = self._firmware.virtual_deadlines(self._state, board_us & MASK32, self._due_at, self._speaks_at)
        self._advance_us = self._when(self._due.value, board_us) if found & DUE else None
        self._speaks_us = self._when(self._speaks.value, board_us) if found & SPEAKS else None
        self._cached = True

    def _when(self, due: int, board_us: int) -> int:
        lead_us = ahead(due, board_us)
        return self._now_us if lead_us <= 0 else self.clock.when(board_us + lead_us)

    def _guarded(self, name: str) -> Callable[..., int | bool | None]:
        """Return a callback that keeps an exception for the end of the call: ctypes would only print it."""
        function: Callable[..., int | bool | None] = getattr(self, f"_on_{name}")

        def call(_port: object, *arguments: object) -> int | bool | None:
            try:
                return function(*arguments)
            except BaseException as error:
                self._failure = self._failure or error
                return 0

        return call

    def _count(self, now_us: int) -> int:
        return self._machine.count_at(now_us) - self.count_base

    def _on_count(self, _at: int) -> int:
        return signed32(self._count(self._now_us))

    def _on_time_of_count(self, count: int, _now: int, at_us: "ctypes._Pointer[ctypes.c_uint32]") -> bool:
        here = self._count(self._now_us)
        there_us = self._machine.time_of_count(here + ahead(count & MASK32, here) + self.count_base)
        if there_us is None:
            return False
        board_us = self.clock.at(min(there_us, self._now_us + FARTHEST_US))
        at_us[0] = max(board_us, self.clock.at(self._now_us)) & MASK32
        return True

    def _on_inputs(self) -> int:
        return self._machine.inputs(self._now_us)

    def _on_output(self, channel: int, value: int, cmd_id: int, _at: int) -> None:
        if self._cut is None:
            self._machine.output(channel, value, cmd_id or None, self._now_us)

    def _on_entropy(self) -> int:
        return self._entropy.getrandbits(32)

    def _on_step(self, step: int, cmd_id: int) -> None:
        """Let a hook cut the power: the RAM as it is here is what the next boot finds, what follows never was."""
        if self.hooks is None or self._cut is not None:
            return
        try:
            self.hooks.at(STEPS[step], cmd_id)
        except ResetNow as now:
            self._cut, self._kept = now, self._ram.raw
