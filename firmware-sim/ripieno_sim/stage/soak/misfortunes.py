"""What goes wrong, by name. Each begins at once and mends itself after a while that its draw decides."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Final

from ripieno_sim.codec import Cause, Hello, Type, encode
from ripieno_sim.line import TO_BOARD, TO_HOST

from .host import WHERE_A_HOST_DIES
from .machine import ESTOP

if TYPE_CHECKING:
    from .run import Soak

SHORT_S: Final = (0.05, 0.2, 0.4, 0.9, 3.0)
PROBES: Final = (b"AT\r", b"ATI\r\n", b"\x7e\x00\x78\xf0\x7e~")
"""What ModemManager and its like say to a port that they find."""


def _us(soak: Soak) -> int:
    return int(soak.draw.choice(SHORT_S) * soak.draw.uniform(0.7, 1.3) * 1e6)


def _cut(*ways: int) -> Callable[[Soak, int], int]:
    def cut(soak: Soak, now_us: int) -> int:
        for way in ways:
            soak.track.line.cut(way)
        ends_us = now_us + _us(soak)

        def mend(_: int) -> None:
            for way in ways:
                soak.track.line.cut(way, not soak.port.is_plugged)

        soak.agenda.at(ends_us, mend)
        return ends_us

    return cut


def _line(**faults: object) -> Callable[[Soak, int], int]:
    def worsen(soak: Soak, now_us: int) -> int:
        line, usual = soak.track.line, soak.mix.line
        line.faults = replace(usual, **faults)  # type: ignore[arg-type]  # names and types stand in the table below
        ends_us = now_us + _us(soak)
        soak.agenda.at(ends_us, lambda _: setattr(line, "faults", usual))
        return ends_us

    return worsen


def _reset(cause: Cause, *, keep_ram: bool, keep_count: bool = True) -> Callable[[Soak, int], int]:
    def reset(soak: Soak, now_us: int) -> int:
        soak.track.reset(now_us, cause, keep_ram, keep_count)
        return now_us

    return reset


def _two_resets(soak: Soak, now_us: int) -> int:
    first, second = soak.draw.choice(((False, True), (True, True), (True, False)))
    ends_us = now_us + soak.draw.choice((500, 2_500, 8_000, 60_000))
    soak.track.reset(now_us, Cause.BROWN_OUT, first)
    soak.agenda.at(ends_us, lambda at_us: soak.track.reset(at_us, Cause.BROWN_OUT, second))
    return ends_us


def _boot_id_repeated(soak: Soak, now_us: int) -> int:
    soak.track.entropy.repeats = True
    soak.track.reset(now_us, Cause.POWER, soak.draw.random() < 0.5)
    return now_us


def _hang(least_us: int, most_us: int) -> Callable[[Soak, int], int]:
    def hang(soak: Soak, now_us: int) -> int:
        for_us = soak.draw.randint(least_us, most_us)
        soak.track.hang(now_us, for_us)
        return now_us + min(for_us, 500_000)

    return hang


def _kill(soak: Soak, now_us: int) -> int:
    soak.port.takes_only = soak.draw.randint(0, 30)  # what it was just writing
    soak.host.turn_now(now_us)
    return soak.replace_host(now_us, kill=True)


def _kill_at_an_intent(soak: Soak, now_us: int) -> int:
    soak.host.dies = soak.draw.choice(WHERE_A_HOST_DIES)
    return now_us


def _restart(soak: Soak, now_us: int) -> int:
    return soak.replace_host(now_us, kill=False)


def _blocked(for_s: float) -> Callable[[Soak, int], int]:
    def block(soak: Soak, now_us: int) -> int:
        ends_us = now_us + int(for_s * soak.draw.uniform(0.5, 1.5) * 1e6)
        soak.block_host(ends_us)
        return ends_us

    return block


def _wall_clock_steps(soak: Soak, now_us: int) -> int:
    soak.clock.wall_offset_ns += soak.draw.randint(-(10**13), 10**13)
    return now_us


def _unplug(soak: Soak, now_us: int) -> int:
    soak.port.unplug()
    ends_us = now_us + _us(soak)
    soak.agenda.at(ends_us, lambda _: soak.port.plug())
    return ends_us


def _replug_at_once(soak: Soak, now_us: int) -> int:
    soak.port.unplug()
    soak.port.plug()
    return now_us


def _stuck_writer(soak: Soak, now_us: int) -> int:
    soak.port.is_stuck = True
    ends_us = now_us + _us(soak)
    soak.agenda.at(ends_us, lambda _: setattr(soak.port, "is_stuck", False))
    return ends_us


def _another_device(soak: Soak, now_us: int) -> int:
    soak.port.other_end = soak.draw.choice(
        (b"ok\r\n", b"\x00", soak.draw.randbytes(40), b"$GPGGA,123519,4807.038,N\r\n")
    )
    ends_us = now_us + _us(soak)
    soak.agenda.at(ends_us, lambda _: setattr(soak.port, "other_end", None))
    return ends_us


def _a_program_probes(soak: Soak, now_us: int) -> int:
    for number in range(soak.draw.randint(1, 6)):
        soak.agenda.at(now_us + number * 30_000, partial(soak.track.write, soak.draw.choice(PROBES)))
    return now_us


def _a_second_daemon(soak: Soak, now_us: int) -> int:
    """It asks for a session of its own, never gets past its first HELLO's answer, and asks again."""
    for number in range(soak.draw.randint(1, 20)):
        wire = encode(Type.HELLO, 0, 0, Hello(1, 0, soak.draw.getrandbits(32)), 0)
        soak.agenda.at(now_us + number * 25_000, partial(soak.track.write, wire))
    return now_us


def _stale_bytes(soak: Soak, now_us: int) -> int:
    """What was said before comes again, perhaps in the midst of another session."""
    old = b"".join(soak.port.past)
    if soak.draw.random() < 0.5:
        soak.track.reset(now_us, Cause.PIN, keep_ram=True)
    soak.agenda.at(now_us + soak.draw.randint(0, 60_000), lambda at_us: soak.track.write(old, at_us))
    return now_us


def _flag(name: str, on: object, off: object) -> Callable[[Soak, int], int]:
    def raise_flag(soak: Soak, now_us: int) -> int:
        setattr(soak.store, name, on)
        ends_us = now_us + _us(soak)
        soak.agenda.at(ends_us, lambda _: setattr(soak.store, name, off))
        return ends_us

    return raise_flag


def _estop_pressed(soak: Soak, now_us: int) -> int:
    soak.track.machine.press(ESTOP, True, now_us)
    soak.agenda.at(now_us + 300_000, lambda at_us: soak.track.machine.press(ESTOP, False, at_us))
    ends_us = now_us + 400_000
    soak.agenda.at(ends_us, soak.track.board.press_reset_of_estop)
    return ends_us


def _estop_from_the_host(soak: Soak, now_us: int) -> int:
    soak.host.service.estop(7)
    for after_us in (400_000, 1_200_000):  # the second for a stop that reached the board late
        soak.agenda.at(now_us + after_us, soak.track.board.press_reset_of_estop)
    return now_us + 400_000


MISFORTUNES: Final[Mapping[str, Callable[[Soak, int], int]]] = {
    "outage": _cut(TO_BOARD, TO_HOST),
    "board is deaf": _cut(TO_BOARD),
    "host is deaf": _cut(TO_HOST),
    "held up": _line(delay=0.01, longest_delay_us=600_000),
    "echo": _line(echo=True),
    "wrong baud": _line(wrong_baud=True),
    "warm reset": _reset(Cause.BROWN_OUT, keep_ram=True),
    "count lost": _reset(Cause.BROWN_OUT, keep_ram=True, keep_count=False),
    "cold reset": _reset(Cause.POWER, keep_ram=False),
    "two resets": _two_resets,
    "boot id repeated": _boot_id_repeated,
    "slow loop": _hang(1_000, 60_000),
    "hang": _hang(60_000, 499_000),
    "watchdog": _hang(500_000, 900_000),
    "kill": _kill,
    "kill at an intent": _kill_at_an_intent,
    "restart": _restart,
    "stopped": _blocked(1.0),
    "loop blocked": _blocked(0.5),
    "wall clock steps": _wall_clock_steps,
    "unplug": _unplug,
    "replug at once": _replug_at_once,
    "stuck writer": _stuck_writer,
    "another device": _another_device,
    "a program probes": _a_program_probes,
    "a second daemon": _a_second_daemon,
    "stale bytes": _stale_bytes,
    "disk full": _flag("is_full", True, False),
    "disk slow": _flag("slow_us", 400_000, 0),
    "e-stop pressed": _estop_pressed,
    "e-stop from the host": _estop_from_the_host,
}
"""Name -> what begins it; it returns when it is over, from which the way back to a session is measured."""
