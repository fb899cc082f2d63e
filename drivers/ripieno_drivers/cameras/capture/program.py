"""The capture process: reads pictures, looks at each, puts it into a slot, tells of it. Single-threaded; may block.

wait for the turn -> read (may block for ever: who waits for our words kills us) -> judge -> slot -> tell
"""

from __future__ import annotations

import select
import socket
import sys
import time
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ripieno.values import Health

from . import words
from .job import Job, job_of
from .judge import Judge, Judgement, Limits
from .shelf import Shelf
from .sources import Source, SourceError, open_source

BAD_EVERY_NS: Final = 500_000_000  # of pictures that stay bad, two a second are told
JOB_S: Final = 10.0
MESSAGE_BYTES: Final = 65_536


def main(line: socket.socket, memory: int, arguments: list[str]) -> int:
    """Serve one source until it ends or nobody listens any more; return the exit code."""
    teller = _Line(line)
    told = teller.heard(JOB_S)
    if told is None or told[0] != words.JOB:
        return 2
    job = job_of(told[1])
    program = _Program(job, teller, Shelf(memory, job.room, job.first))
    try:
        program.run()
    except SourceError as error:
        teller.tell(words.LOST, program.number, str(error))
    except (BrokenPipeError, ConnectionResetError):
        return 0
    return 0


def _now_ns() -> int:
    """Return the time by the clock of who hears us: it goes on while the machine is suspended."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class _Line:
    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self.told_ns = 0

    def tell(self, *said: Any) -> None:
        self._line.send(words.pack(*said))
        self.told_ns = _now_ns()

    def heard(self, seconds: float) -> list[Any] | None:
        """Return the next message, None if none comes within so many seconds."""
        ready, _, _ = select.select([self._line], [], [], max(0.0, seconds))
        if not ready:
            return None
        message = self._line.recv(MESSAGE_BYTES)
        if not message:
            raise BrokenPipeError
        return words.unpack(message)


class _Program:
    def __init__(self, job: Job, line: _Line, shelf: Shelf) -> None:
        size = (job.width_px, job.height_px) if job.checks_size else (0, 0)
        self._job, self._line, self._shelf = job, line, shelf
        self._judge = Judge(Limits(*size, job.dark, job.bright, round(job.frozen_s * 1e9)))
        self._bad: tuple[Health, int] = (Health.GOOD, 0)
        self._due_ns = 0
        self.number = 0

    def run(self) -> None:
        while True:
            before = self.number
            source = open_source(self._job)
            self._line.tell(words.OPENED, "; ".join(source.refused))
            self._play(source, before)
            seen = self.number - before
            if self._job.kind != "video":
                raise SourceError("no more pictures come: the connection is closed, or the camera is gone")
            if not seen:
                raise SourceError(f"{self._job.place}: there is no picture in it that can be read")
            if not self._job.loop:
                short = f" of {source.expected}: it is cut off or damaged" if seen < 0.98 * source.expected else ""
                self._line.tell(words.ENDED, self.number, f"the video has ended after {seen} pictures{short}")
                return

    def _play(self, source: Source, before: int) -> None:
        self._due_ns = _now_ns()
        while True:
            self._wait(source)
            picture = source.read()
            if picture is None:
                return
            self.number += 1
            self._take(picture, _now_ns())

    def _wait(self, source: Source) -> None:
        """Return when the next picture may be read; hear what comes meanwhile, and say that we live."""
        job = self._job
        if job.pace == "own":
            period_ns = round(1e9 / source.rate_hz)
            self._due_ns = max(self._due_ns + period_ns, _now_ns() - period_ns)  # late ones are not made up
        while True:
            now_ns = _now_ns()
            left_s = (self._due_ns - now_ns) / 1e9 if job.pace == "own" else 0.0
            if job.pace == "step" and self._shelf.used:
                left_s = words.BEAT_S
            heard = self._line.heard(min(left_s, words.BEAT_S))
            if now_ns - self._line.told_ns > words.BEAT_S * 1e9:
                self._line.tell(words.BEAT, self.number)
            if heard is not None and heard[0] == words.FREE:
                self._shelf.free(heard[1], heard[2])
            elif heard is None and left_s <= words.BEAT_S and not (job.pace == "step" and self._shelf.used):
                return

    def _take(self, picture: NDArray[np.uint8], now_ns: int) -> None:
        judged = self._judge.look(picture, now_ns)
        if judged.health is not Health.GOOD:
            if self._is_news(judged, now_ns):
                self._tell(picture, now_ns, judged, -1, 0)
            return
        self._bad = (Health.GOOD, 0)
        put = self._shelf.put(picture)
        if put is not None:
            self._tell(picture, now_ns, judged, put.offset, put.stamp)

    def _is_news(self, judged: Judgement, now_ns: int) -> bool:
        before, told_ns = self._bad
        if judged.health is before and now_ns - told_ns < BAD_EVERY_NS and not self._job.every:
            return False
        self._bad = (judged.health, now_ns)
        return True

    def _tell(self, picture: NDArray[np.uint8], now_ns: int, judged: Judgement, offset: int, stamp: int) -> None:
        height, width = picture.shape[:2]
        self._line.tell(
            *(words.SHOT, self.number, now_ns, offset, stamp, width, height),
            *(judged.health.value, judged.why, judged.still_ns),
        )


if __name__ == "__main__":
    sys.exit("this is no command: the daemon starts it for a camera")
