"""Which pictures go on to the pipeline: the newest when it is free, or every one; each slot is given back once.

newest:  at work (at most one) <- waiting (at most one; a newer one takes its place)
every:   all go on at once; what the shared memory has no room for was not told of
No I/O here.
"""

from __future__ import annotations

from typing import NamedTuple

from .capture.words import Shot


class Moves(NamedTuple):
    """What is to be done now: report a picture, give slots back."""

    report: Shot | None
    free: tuple[Shot, ...]


NOTHING = Moves(None, ())


class Handover:
    """The pictures of one capture process.

    Args:
        readers: how many inputs each picture is reported for; each says once that it has been seen.
    """

    def __init__(self, every: bool, readers: int) -> None:
        self._every, self._readers = every, readers
        self._at_work: dict[int, tuple[Shot, int]] = {}
        self._waiting: Shot | None = None

    def offer(self, shot: Shot) -> Moves:
        """Take a picture that was captured."""
        if self._readers == 0:
            return Moves(None, (shot,))
        if self._every or not self._at_work:
            return self._report(shot, ())
        passed_over, self._waiting = self._waiting, shot
        return Moves(None, () if passed_over is None else (passed_over,))

    def seen(self, stamp: int) -> Moves:
        """One reader does not need this picture any more."""
        if stamp not in self._at_work:
            return NOTHING
        shot, left = self._at_work[stamp]
        if left > 1:
            self._at_work[stamp] = (shot, left - 1)
            return NOTHING
        del self._at_work[stamp]
        waiting, self._waiting = self._waiting, None
        return Moves(None, (shot,)) if waiting is None else self._report(waiting, (shot,))

    def _report(self, shot: Shot, free: tuple[Shot, ...]) -> Moves:
        if shot.offset >= 0:  # one without a slot is shown to no model, and comes back to nobody
            self._at_work[shot.stamp] = (shot, self._readers)
        return Moves(shot, free)
