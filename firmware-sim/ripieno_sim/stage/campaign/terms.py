"""What a seed decides before a run begins: the line, its rates, and what goes wrong when.

Every kind of fault has random streams of its own, so that leaving one out moves no other.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ripieno_sim.seeds import stream

from .bundle import Variant
from .faults import FAULTS, Fault

US: Final = 1_000_000
SPEED_MM_S: Final = 500
PARTS: Final = 45  # a minute, on the mean over the run: what a run may cost
RUN_ON_US: Final = 4 * US  # of the belt, after everything is mended: what is on it goes by the gate
FIRST_S: Final = 6.0  # before that nothing goes wrong: the line starts
LEAD_S, TAIL_S = (0.3, 3.0), (2.0, 10.0)  # around a fault, the belt runs for so long before and after


@dataclass(frozen=True, slots=True)
class Happening:
    """One fault at one time. `number`: of its kind, names its stream."""

    at_us: int
    fault: Fault
    lasts_us: int
    number: int


@dataclass(frozen=True, slots=True)
class Terms:
    """One run.

    Attributes:
        ends_us: when everything is mended.
        pitch_mm, jitter_mm: of the parts on the belt.
        belt: when it runs, from and to; it rests between.
        sample_us: how often the board tells where the belt is.
        gauge_s: how often the sensor prints.
        drift_ppm: of the board's clock.
        slow: how long the usual disk takes at most, in seconds.
        chances: of the faults that befall single things, by name; 0 where the seed has not got one.
        happenings: the faults that come at a time, in order.
    """

    seed: int
    ends_us: int
    variant: Variant
    pitch_mm: int
    jitter_mm: int
    belt: tuple[tuple[int, int], ...]
    sample_us: int
    gauge_s: float
    drift_ppm: int
    slow: float
    chances: dict[str, float]
    happenings: tuple[Happening, ...]

    def faults(self) -> dict[str, int]:
        """Return how often each kind of fault comes; one that befalls single things counts once for the seed."""
        times = Counter(one.fault.name for one in self.happenings)
        times.update(name for name, chance in self.chances.items() if chance)
        return dict(times)


def draw_terms(seed: int, minutes: float, without: Sequence[str] = ()) -> Terms:
    """Return what the seed decides, less the faults that are left out."""
    draw, ends_us = stream(seed, "terms"), int(minutes * 60 * US)
    rate_hz = _log(draw, 0.15, 10.0)
    pitch_mm = max(50, round(SPEED_MM_S / rate_hz))
    happenings = sorted(
        (one for fault in FAULTS.values() if fault.often for one in _happenings(seed, fault, ends_us)),
        key=lambda one: (one.at_us, one.fault.name),
    )
    return Terms(
        seed=seed,
        ends_us=ends_us,
        variant=Variant(draw.choice(("late", "at_once")), draw.choice(("auto", "auto", "auto", "person"))),
        pitch_mm=pitch_mm,
        jitter_mm=draw.choice((0, 2, 4)),
        belt=_belt(stream(seed, "belt runs"), pitch_mm, ends_us, [one.at_us for one in happenings]),
        sample_us=draw.choice((150_000, 250_000, 400_000)),
        gauge_s=draw.uniform(0.8, 2.5),
        drift_ppm=draw.randint(-200, 200),
        slow=_log(draw, 0.001, 0.05),
        chances={f.name: 0.0 if f.name in without else _chance(seed, f) for f in FAULTS.values() if f.chance},
        happenings=tuple(one for one in happenings if one.fault.name not in without),
    )


def _log(draw: random.Random, low: float, high: float) -> float:
    return float(low * (high / low) ** draw.random())


def _chance(seed: int, fault: Fault) -> float:
    draw = stream(seed, f"fault {fault.name}")
    assert fault.chance is not None
    has, chance = draw.random() < fault.had_by, _log(draw, *fault.chance)
    return chance if has else 0.0


def _happenings(seed: int, fault: Fault, ends_us: int) -> list[Happening]:
    draw = stream(seed, f"fault {fault.name}")
    assert fault.often is not None
    share = (ends_us / US - FIRST_S) / 600
    if draw.random() >= fault.had_by or share <= 0:
        return []
    wanted = draw.randint(*fault.often) * share
    times = int(wanted) + (draw.random() < wanted % 1)
    low, high = fault.lasts_s
    return [
        Happening(
            round(draw.uniform(FIRST_S * US, ends_us)), fault, round(_log(draw, low, high) * US) if high else 0, number
        )
        for number in range(times)
    ]


def _belt(draw: random.Random, pitch_mm: int, ends_us: int, faults: Sequence[int]) -> tuple[tuple[int, int], ...]:
    """Return when the belt runs: always where parts are few, else mostly around faults, as long as parts are left."""
    parts = PARTS * ends_us / (60 * US)
    left_us = int(parts * pitch_mm / SPEED_MM_S * US)
    if left_us >= ends_us:
        return ((0, ends_us),)
    runs = [(0, min(int(FIRST_S * US), ends_us))]
    left_us -= runs[0][1]
    while left_us > 0:
        at_us = draw.choice(faults) if faults and draw.random() < 0.7 else draw.randrange(ends_us)
        begins_us = max(0, at_us - round(draw.uniform(*LEAD_S) * US))
        runs.append((begins_us, min(ends_us, at_us + round(draw.uniform(*TAIL_S) * US))))
        left_us -= runs[-1][1] - begins_us
    return tuple(_joined(sorted(runs)))


def _joined(runs: list[tuple[int, int]]) -> list[tuple[int, int]]:
    joined = [runs[0]]
    for begins_us, ends_us in runs[1:]:
        if begins_us <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], ends_us))
        else:
            joined.append((begins_us, ends_us))
    return joined
