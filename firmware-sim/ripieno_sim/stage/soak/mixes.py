"""The mixes: what goes wrong together, and how often. Every item of the link's fault list stands in at least one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ripieno.values import Trigger
from ripieno_sim.line import CLEAN, LineFaults
from ripieno_sim.plant import Motion

NOISY: Final = LineFaults(
    flip_per_byte=2e-4, drop_per_byte=1e-4, burst=2e-3, duplicate=5e-3, noise=2e-3, line_break=1e-3, split=0.1
)
SLOW: Final = LineFaults(delay=1e-4, longest_delay_us=2_000_000, split=0.05)
STEADY: Final = Motion(disturb=False)
RESTLESS: Final = Motion(change_every_s=(1.0, 4.0), jam_every_s=(2.0, 5.0), jam_s=(0.05, 0.8))
ALL: Final = tuple(Trigger)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """What goes wrong in one soak.

    Attributes:
        name: as typed.
        says: one sentence.
        line: what the line does wrong all the time.
        misfortunes: names of misfortunes.py, drawn evenly.
        every_s: mean time from one to the next.
        step_resets: how likely the power fails at a step of a command (there are four).
        triggers: of the acts.
        motion: of the belt.
        rate_hz: acts in a second, in bursts of `burst` of them.
        items_hz, bounce: items past the eye in a second, and how likely an edge bounces.
        drift_ppm: the board's clock is off by at most this.
        ahead_s: how long before their time acts are asked for, at most.
    """

    name: str
    says: str
    line: LineFaults = CLEAN
    misfortunes: tuple[str, ...] = ()
    every_s: float = 1.0
    step_resets: float = 0.0
    triggers: tuple[Trigger, ...] = ALL
    motion: Motion = STEADY
    rate_hz: float = 200.0
    burst: int = 1
    items_hz: float = 5.0
    bounce: float = 0.0
    drift_ppm: int = 50
    ahead_s: float = 0.2


_HOST: Final = ("kill", "kill at an intent", "restart")
_STALLS: Final = ("stopped", "loop blocked", "wall clock steps")
_BOARD: Final = ("warm reset", "cold reset", "two resets", "count lost", "boot id repeated")
_HANGS: Final = ("slow loop", "hang", "watchdog")
_PORT: Final = ("unplug", "replug at once", "stuck writer")
_STRANGERS: Final = ("echo", "wrong baud", "another device", "a program probes", "a second daemon", "stale bytes")
_LINE: Final = ("outage", "board is deaf", "host is deaf", "held up")
_DISK: Final = ("disk full", "disk slow")
_ESTOP: Final = ("e-stop pressed", "e-stop from the host")

_TABLE: Final = (
    Mix(name="quiet", says="nothing goes wrong: the figures to compare with"),
    Mix(name="noise", says="flipped, dropped, doubled and invented bytes, bursts, breaks, split reads", line=NOISY),
    Mix(name="late", says="bytes are held up for up to 2 s and come all at once", line=SLOW,
        misfortunes=("held up",), every_s=4.0),
    Mix(name="outages", says="the line is dead in one direction or both, for 50 ms to 3 s", misfortunes=_LINE[:3]),
    Mix(name="resets", says="the board is reset: warm, cold, two in a row, without its count or boot id",
        misfortunes=_BOARD),
    Mix(name="power", says="power fails between any two steps of a command, with and without its RAM",
        step_resets=1e-3),
    Mix(name="kills", says="the daemon dies before and after an intent, after the first byte, or is restarted",
        misfortunes=_HOST),
    Mix(name="stalls", says="the daemon stands still for 0.5 to 1.5 s, the wall clock steps", misfortunes=_STALLS),
    Mix(name="port", says="the plug is pulled in mid-frame and put back, or the port takes no bytes",
        misfortunes=_PORT),
    Mix(name="strangers", says="an echo, another speed, another device, another program or an old session on the line",
        misfortunes=_STRANGERS),
    Mix(name="hangs", says="the board's loop is slow, hangs while bytes pile up, or is bitten by its watchdog",
        misfortunes=_HANGS),
    Mix(name="clock", says="the board's clock drifts by 200 ppm and wraps while it is reset and loses its boot id",
        misfortunes=("warm reset", "boot id repeated", "held up"), drift_ppm=200, triggers=(Trigger.TIME,)),
    Mix(name="crowd", says="acts come in bursts that overflow every queue while the line has outages",
        misfortunes=_LINE, rate_hz=400.0, burst=60),
    Mix(name="disk", says="the disk is full or slow while the daemon is killed at its intents",
        misfortunes=(*_DISK, "kill at an intent")),
    Mix(name="belt", says="the belt jams and changes speed, the eye bounces, acts go by position",
        misfortunes=("warm reset", "count lost", "outage"), every_s=4.0, motion=RESTLESS, items_hz=10.0, bounce=0.1,
        triggers=(Trigger.POSITION,)),
    Mix(name="e-stop", says="the emergency stop is pressed, or asked for by the host, and reset by its button",
        misfortunes=(*_ESTOP, "restart")),
    Mix(name="ahead", says="acts are asked for up to 2 s before their time, while sessions and positions are lost",
        misfortunes=(*_LINE[:3], *_BOARD, "restart", "replug at once"), every_s=2.0, motion=RESTLESS, ahead_s=2.0,
        rate_hz=100.0, items_hz=10.0),
    Mix(name="everything", says="all of it", line=NOISY, step_resets=2e-4, motion=RESTLESS, bounce=0.02, drift_ppm=200,
        ahead_s=0.5,
        misfortunes=(*_HOST, *_STALLS, *_BOARD, *_HANGS, *_PORT, *_STRANGERS, *_LINE, *_DISK, *_ESTOP)),
)  # fmt: skip

MIXES: Final = {mix.name: mix for mix in _TABLE}
