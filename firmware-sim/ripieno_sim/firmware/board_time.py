"""The board's clock as the plant knows it: asked ten times a second, the quickest of the last answers counts."""

from collections import deque

from ripieno_sim.board.numbers import MASK32, ahead

__all__ = ["BoardTime"]

_KEPT = 16  # answers
_OPEN = 4  # questions
_BURST, _BURST_EVERY_US, _ASK_EVERY_US = 4, 5_000, 100_000


class BoardTime:
    """Between the rig's microseconds and the board's 32-bit ones; unknown until the first answer after a boot."""

    def __init__(self) -> None:
        self._tag = 0
        self.forget(0)

    @property
    def is_known(self) -> bool:
        """Whether a board of this boot has answered."""
        return bool(self._answers)

    def forget(self, now_us: int) -> None:
        """The board has booted: its clock began anew, and what it still answers is of the old one."""
        self.next_ask_us = now_us
        self._offset = 0
        self._asked: dict[int, int] = {}
        self._answers: deque[tuple[int, int]] = deque(maxlen=_KEPT)

    def ask(self, now_us: int) -> int:
        """Return the tag of a question that goes out now; the first few follow quickly."""
        self._tag = (self._tag + 1) & MASK32
        self._asked[self._tag] = now_us
        if len(self._asked) > _OPEN:
            del self._asked[next(iter(self._asked))]
        self.next_ask_us = now_us + (_BURST_EVERY_US if len(self._answers) < _BURST else _ASK_EVERY_US)
        return self._tag

    def answered(self, tag: int, t_us: int, now_us: int) -> None:
        """Take an answer: the board's time lies in the middle between question and answer."""
        asked_us = self._asked.pop(tag, None)
        if asked_us is not None:
            self._answers.append((now_us - asked_us, t_us - (asked_us + now_us) // 2))
            self._offset = min(self._answers)[1]

    def to_board(self, rig_us: int) -> int:
        """Return the board's clock at a time of the rig."""
        return (rig_us + self._offset) & MASK32

    def to_rig(self, t_us: int, now_us: int) -> int:
        """Return the time of the rig, near `now_us`, at which the board's clock showed `t_us`."""
        return now_us + ahead(t_us, now_us + self._offset)
