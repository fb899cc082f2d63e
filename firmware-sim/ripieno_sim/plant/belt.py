"""Where the belt is: constant speed between changes, in whole numbers, so that time and count are exact inverses.

position [millionths of a count] = position at the last change + speed [counts/s] * time since [us]
"""

import random
from dataclasses import dataclass

__all__ = ["COUNTS_PER_MM", "Belt", "Motion"]

COUNTS_PER_MM = 10
_MILLION = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """How a belt moves: nominal speed, and the disturbances drawn from its stream.

    Ranges are (least, most): percent of the nominal speed, seconds between changes of speed, seconds between jams,
    seconds of a jam.
    """

    speed_mm_s: float = 500.0
    disturb: bool = True
    percent: tuple[int, int] = (60, 115)
    change_every_s: tuple[float, float] = (8.0, 15.0)
    jam_every_s: tuple[float, float] = (15.0, 25.0)
    jam_s: tuple[float, float] = (0.3, 0.8)


class Belt:
    """A belt that stands until `start`; call `advance` at `next_change_us` and no later."""

    def __init__(self, motion: Motion, draw: random.Random) -> None:
        self.motion = motion
        self.jams = 0
        self.speed = 0  # counts/s
        self._draw = draw
        self._nominal = round(motion.speed_mm_s * COUNTS_PER_MM)
        self._wanted = self._nominal
        self._since_us = 0
        self._position = 0
        self._change_us: int | None = None
        self._jam_us: int | None = None
        self._jam_ends_us: int | None = None

    @property
    def jammed(self) -> bool:
        """Whether the belt stands in a jam."""
        return self._jam_ends_us is not None

    def start(self, now_us: int) -> None:
        """Begin to move at nominal speed."""
        if self.motion.disturb:
            self._change_us = now_us + self._drawn_us(self.motion.change_every_s)
            self._jam_us = now_us + self._drawn_us(self.motion.jam_every_s)
        self._set_speed(self._wanted, now_us)

    def stop(self, now_us: int) -> None:
        """Stand still for good."""
        self._change_us = self._jam_us = self._jam_ends_us = None
        self._set_speed(0, now_us)

    def set_speed(self, counts_s: int, now_us: int) -> None:
        """Move at another speed from now on; 0 stands."""
        self._wanted = counts_s
        if not self.jammed:
            self._set_speed(counts_s, now_us)

    def count_at(self, now_us: int) -> int:
        """Return the whole counts passed by a time that is not before the last change."""
        return (self._position + self.speed * (now_us - self._since_us)) // _MILLION

    def time_of_count(self, count: int) -> int | None:
        """Return the first time at which `count_at` is `count` or more at the present speed; None if never."""
        missing = count * _MILLION - self._position
        if missing <= 0:
            return self._since_us
        return None if self.speed <= 0 else self._since_us - (-missing // self.speed)

    def next_change_us(self) -> int | None:
        """Return when the speed next changes by itself."""
        if self._jam_ends_us is not None:
            return self._jam_ends_us
        if self._change_us is None or self._jam_us is None:
            return None
        return min(self._change_us, self._jam_us)

    def advance(self, now_us: int) -> bool:
        """Make the change that is due; say whether the speed is another one now."""
        due_us = self.next_change_us()
        if due_us is None or due_us > now_us:
            return False
        motion = self.motion
        if self._jam_ends_us is not None:
            self._jam_ends_us = None
            self._set_speed(self._wanted, now_us)
        elif due_us == self._jam_us:
            self.jams += 1
            self._jam_ends_us = now_us + self._drawn_us(motion.jam_s)
            self._jam_us = now_us + self._drawn_us(motion.jam_every_s)
            self._set_speed(0, now_us)
        else:
            self._change_us = now_us + self._drawn_us(motion.change_every_s)
            self._wanted = self._nominal * self._draw.randint(*motion.percent) // 100
            self._set_speed(self._wanted, now_us)
        return True

    def _drawn_us(self, seconds: tuple[float, float]) -> int:
        return int(self._draw.uniform(*seconds) * _MILLION)

    def _set_speed(self, speed: int, now_us: int) -> None:
        self._position += self.speed * (now_us - self._since_us)
        self._since_us = now_us
        self.speed = speed
