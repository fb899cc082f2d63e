"""Keeping one task running: again after each crash, after a pause that grows, until it crashes too often.

The pause doubles from 100 ms to 5 s and is shortened at random by up to a half, so that parts that died together do not
come back together.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from ripieno.contracts.ports import Clock, Entropy

from .stops import Stop, stop_of

FIRST_S, LONGEST_S = 0.1, 5.0


@dataclass(frozen=True, slots=True)
class Intensity:
    """At most `count` stops within `within_s`."""

    count: int = 5
    within_s: float = 60.0


USUAL = Intensity()


class Exhausted(Exception):
    """A task stopped more often than its intensity allows; `stop` is the last one."""

    def __init__(self, stop: Stop, intensity: Intensity) -> None:
        self.stop = stop
        super().__init__(
            f"{stop.part} stopped more than {intensity.count} times in {intensity.within_s:g} s: {stop.cause}"
        )


async def keep(
    part: str,
    work: Callable[[], Awaitable[None]],
    clock: Clock,
    entropy: Entropy,
    on_stop: Callable[[Stop], None],
    intensity: Intensity = USUAL,
) -> None:
    """Run `work` for ever; each end of it is told. Cancelling passes through to it.

    Raises:
        Exhausted: it ended too often.
    """
    ends: deque[int] = deque()
    while True:
        try:
            await work()
            stop = stop_of(part, None)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            if _is_being_cancelled():  # Python 3.11: a task group whose member fails as well tells of that alone
                raise asyncio.CancelledError from error
            stop = stop_of(part, error)
        on_stop(stop)
        now = clock.monotonic_ns()
        ends.append(now)
        while ends[0] < now - intensity.within_s * 1e9:
            ends.popleft()
        if len(ends) > intensity.count:
            raise Exhausted(stop, intensity)
        await clock.sleep(pause_s(len(ends), entropy))


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def pause_s(count: int, entropy: Entropy) -> float:
    """Return how long to wait after the `count`-th end in a row, in seconds."""
    longest = min(LONGEST_S, FIRST_S * 2.0 ** (count - 1))
    return longest * (1 - int.from_bytes(entropy.token(2), "big") / 65536 / 2)
