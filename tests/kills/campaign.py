"""All points over a few processes, each a fork of this one that has everything imported."""

from __future__ import annotations

import os
import pickle
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from . import power
from .faulty import FAULTY
from .points import Point, points_of, try_point
from .victims import VICTIMS, warm_up

Try = tuple[str, Callable[[], str]]


@dataclass(slots=True)
class Result:
    """`counts`: by victim, by what was done to it. `bad`: the point and what was broken."""

    total: int = 0
    seconds: float = 0.0
    counts: dict[str, Counter[str]] = field(default_factory=dict)
    bad: list[tuple[str, str]] = field(default_factory=list)


def run(
    named: Sequence[str],
    most: int | None,
    images: int,
    jobs: int,
    without: str | None = None,
    victims: Sequence[str] = (),
) -> Result:
    """Try the points. `most`: so many of them, spread evenly. `without`: a protection that is taken out; the first bad
    point is enough then.
    """
    began = time.monotonic()
    if without is not None:
        victims = victims or FAULTY[without].victims
    warm_up()
    if without is not None:
        FAULTY[without].take_out()
    chosen = [VICTIMS[name] for name in victims] or list(VICTIMS.values())
    tries: list[str] = list(named)
    if not named:
        try:
            all_points = [str(point) for victim in chosen for point in points_of(victim)]
        except AssertionError as error:
            return Result(1, time.monotonic() - began, {}, [("at its own end", str(error))])
        step = max(1.0, len(all_points) / most) if most else 1.0
        tries = [all_points[int(at * step)] for at in range(int(len(all_points) / step))]
        tries += [f"{victim.name}:power:{number}:cut" for victim in chosen for number in range(images)]
    result = Result(total=len(tries))
    for point in tries:
        victim, _, _, how = point.split(":")
        result.counts.setdefault(victim, Counter())[how] += 1
    result.bad = [(point, what) for point, what in _spread(tries, jobs, without is not None)]
    result.seconds = time.monotonic() - began
    return result


def try_one(point: str) -> str:
    """Return what is broken at a point, "" for nothing."""
    victim, call, count, _ = point.split(":")
    if call == "power":
        return power.try_image(VICTIMS[victim], int(count))
    return try_point(Point.parse(point))


def _spread(tries: Sequence[str], jobs: int, only_first: bool) -> Iterable[tuple[str, str]]:
    """Run them in forks, every n-th in each."""
    ends = []
    for job in range(jobs):
        read_end, write_end = os.pipe()
        if os.fork() == 0:
            os.close(read_end)
            bad = ((point, what) for point in tries[job::jobs] if (what := try_one(point)))
            with os.fdopen(write_end, "wb") as out:
                pickle.dump(list(islice(bad, 1 if only_first else None)), out)
            os._exit(0)
        os.close(write_end)
        ends.append(read_end)
    for end in ends:
        with os.fdopen(end, "rb") as found:
            yield from pickle.load(found)
        os.wait()
