"""What each fault that comes at a time does to the world. Each mends itself; what is left is mended at the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from ripieno_sim.codec import Cause
from ripieno_sim.line import CLEAN, TO_BOARD, TO_HOST, LineFaults
from ripieno_sim.seeds import stream

from .terms import US, Happening

if TYPE_CHECKING:
    from .world import World

NOISY: Final = LineFaults(
    flip_per_byte=5e-4, drop_per_byte=2e-4, burst=5e-3, duplicate=1e-2, noise=5e-3, line_break=2e-3, split=0.1
)
SLOW: Final = LineFaults(delay=0.02, longest_delay_us=600_000, split=0.05)
BUTTON_US: Final = 100_000  # after the emergency stop is released, its reset is pressed
HOUR_NS: Final = 3_600 * 10**9

Deed = Callable[["World", int, random.Random], str]


def befall(world: World, what: Happening) -> str:
    """Let it happen now; return what it was, in words."""
    return _DEEDS[what.fault.name](world, what.lasts_us, stream(world.terms.seed, f"{what.fault.name} {what.number}"))


def _line(faults: LineFaults, text: str) -> Deed:
    def worsen(world: World, lasts_us: int, draw: random.Random) -> str:
        world.rig.line.faults = faults
        world.at(world.now_us() + lasts_us, lambda: setattr(world.rig.line, "faults", CLEAN))
        return f"{text} for {lasts_us / US:.2f} s"

    return worsen


def _outage(world: World, lasts_us: int, draw: random.Random) -> str:
    ways, text = draw.choice((((TO_BOARD, TO_HOST), "both ways"), ((TO_BOARD,), "to the board"), ((TO_HOST,), "back")))
    world.plug.cut(ways)
    world.at(world.now_us() + lasts_us, world.plug.mend)
    return f"the line is dead {text} for {lasts_us / US:.2f} s"


def _unplug(world: World, lasts_us: int, draw: random.Random) -> str:
    world.plug.pull()
    world.lines.moved()
    world.at(world.now_us() + lasts_us, world.plug.put_back)
    return f"the plug is pulled for {lasts_us / US:.2f} s"


def _reset(keep_ram: bool, keep_count: bool, text: str) -> Deed:
    def reset(world: World, lasts_us: int, draw: random.Random) -> str:
        cause = Cause.BROWN_OUT if keep_ram else Cause.POWER
        world.seen.resets += 1
        world.on_rig(lambda now_us: world.rig.board.reset(now_us, cause, keep_ram, keep_count))
        return text

    return reset


def _hang(world: World, lasts_us: int, draw: random.Random) -> str:
    now_us = world.now_us()
    world.seen.hangs.append((now_us, now_us + min(lasts_us, world.rig.board.settings.watchdog_us)))
    world.on_rig(lambda now_us: world.rig.board.hang(now_us, lasts_us))
    return f"the firmware hangs for {lasts_us / US:.3f} s"


def _estop(world: World, lasts_us: int, draw: random.Random) -> str:
    world.on_rig(lambda now_us: world.conveyor.press_estop(True, now_us))
    free_us = world.now_us() + lasts_us
    world.at(free_us, lambda: world.on_rig(lambda now_us: world.conveyor.press_estop(False, now_us)))
    world.at(free_us + BUTTON_US, lambda: world.on_rig(world.rig.board.press_reset_of_estop))
    return f"the emergency stop is pressed for {lasts_us / US:.2f} s"


def _belt(name: str, text: str) -> Deed:
    def hinder(world: World, lasts_us: int, draw: random.Random) -> str:
        world.drive.change(**{name: True})
        world.at(world.now_us() + lasts_us, lambda: world.drive.change(**{name: False}))
        return f"{text} for {lasts_us / US:.2f} s"

    return hinder


def _speed(world: World, lasts_us: int, draw: random.Random) -> str:
    world.drive.change(percent=draw.randint(60, 115))
    return f"the belt runs at {world.drive.percent} %"


def _flag(owner: Callable[[World], object], name: str, text: str) -> Deed:
    def raise_flag(world: World, lasts_us: int, draw: random.Random) -> str:
        setattr(owner(world), name, True)
        world.at(world.now_us() + lasts_us, lambda: setattr(owner(world), name, False))
        return f"{text} for {lasts_us / US:.2f} s"

    return raise_flag


def _clock(world: World, lasts_us: int, draw: random.Random) -> str:
    """Step by more than a run lasts, each time to another offset, so that a wall time tells what it was after."""
    steps = world.clock.steps
    apart_ns = world.terms.ends_us * 1000 + HOUR_NS
    offset_ns = draw.choice((-1, 1)) * len(steps) * apart_ns + draw.randrange(HOUR_NS // 4)
    by_h = (offset_ns - steps[-1][1]) / HOUR_NS
    world.clock.step_to(offset_ns)
    return f"the wall clock steps by {by_h:+.2f} h"


def _broker(forgets: bool) -> Deed:
    def stop(world: World, lasts_us: int, draw: random.Random) -> str:
        world.broker.forget() if forgets else world.broker.stop()
        world.at(world.now_us() + lasts_us, world.broker.start)
        return f"the broker {'forgets everything and ' * forgets}is away for {lasts_us / US:.2f} s"

    return stop


def _consumer(world: World, lasts_us: int, draw: random.Random) -> str:
    world.kill_consumer()
    world.at(world.now_us() + lasts_us, world.start_consumer)
    return f"the consumer is dead for {lasts_us / US:.2f} s"


_DEEDS: Final[Mapping[str, Deed]] = {
    "noise": _line(NOISY, "the line is noisy"),
    "outage": _outage,
    "held-up": _line(SLOW, "bytes are held up"),
    "unplug": _unplug,
    "stuck-writer": _flag(lambda world: world.plug, "is_stuck", "the port takes no bytes"),
    "board-reset": _reset(True, True, "the board is reset"),
    "board-forgets": _reset(False, False, "the board loses its memory"),
    "count-lost": _reset(True, False, "the board is reset and loses its count"),
    "power-at-step": _flag(lambda world: world.steps, "is_power_bad", "power may fail at each step of a command"),
    "board-hangs": _hang,
    "e-stop": _estop,
    "belt-jams": _belt("is_jammed", "the belt stands"),
    "belt-speed": _speed,
    "belt-reverses": _belt("is_back", "the belt runs back"),
    "camera-stops": _flag(lambda world: world.station, "is_stopped", "the camera gives nothing"),
    "camera-dark": _flag(lambda world: world.station, "is_dark", "the pictures are dark"),
    "camera-frozen": _flag(lambda world: world.station, "is_frozen", "the camera gives the same picture"),
    "model-out-of-use": _flag(lambda world: world, "is_model_out", "the model is out of use"),
    "sensor-silent": _flag(lambda world: world.gauge, "is_silent", "the sensor is silent"),
    "sensor-stuck": _flag(lambda world: world.gauge, "is_stuck", "the sensor prints the same"),
    "disk-full": _flag(lambda world: world.disk, "is_full", "the disk is full"),
    "disk-fails": _flag(lambda world: world.disk, "fails", "the disk takes nothing"),
    "disk-slow": _flag(lambda world: world.disk, "is_slow", "the disk is slow"),
    "clock-steps": _clock,
    "broker-down": _broker(False),
    "broker-forgets": _broker(True),
    "consumer-dies": _consumer,
}
