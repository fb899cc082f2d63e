"""What is promised of the service, each promise with the way it is put to the test.

    kill     SIGKILL              active again within 2 s
    stopped  SIGSTOP              active again within WatchdogSec + 2 s
    hang     the loop is blocked by code that does not return: the same, and the journal names the file and line
    restart  systemctl restart    active again within 1 s; beside it, that of a service that does nothing
    disk     the state's disk is full: control goes on, says so, and the record is whole again when there is room
    edit     a bad file at a restart: the last good plan; at a reload: refused, and what ran runs on
    loop     it is killed again and again: safe mode, which a person ends
    logs     what was said is in the journal with its fields, and who may not read that reads the daemon's own file
    rules    udev reads the device rules without a word, and names a rule that it does not understand

Meanwhile no output is energised for longer than LINK_SILENCE_MS after the board last heard the host, as it counts.
"""

from __future__ import annotations

from collections.abc import Callable

from .bad_days import BadDays
from .coming_back import ComingBack
from .figures import Figures
from .machine import Machine
from .watched import Watched

LINK_SILENCE_MS = 300.0
LOOKS_MS = 60.0  # the board is looked at every 10 ms, by a process that shares a busy machine


class Trials:
    """All trials on one machine. `patience`: see Watched."""

    def __init__(self, machine: Machine, say: Callable[[str], None], patience: float | None = 1.0) -> None:
        self._line, self._say = Watched(machine, Figures(), patience), say

    def all(self, count: int) -> Figures:
        """Run every trial, those that can be repeated `count` times."""
        line = self._line
        line.until_ready("at first")
        back, days = ComingBack(line), BadDays(line)
        repeated = {"kill": back.kill, "stopped": back.stopped, "hang": back.hang, "restart": back.restart}
        for name, trial in repeated.items():
            for number in range(count):
                self._say(f"{name} {number + 1} of {count}")
                trial()
                line.until_ready(f"after {name} {number + 1}")
                line.moves(f"after {name} {number + 1}")
        for once in (days.logs, days.rules, days.disk, days.edit, days.crash_loop, back.stop):
            self._say(once.__name__.replace("_", " "))
            once()
        self._board()
        return line.figures

    def _board(self) -> None:
        """What the board counted over all of it."""
        report = self._line.report()
        self._line.figures.facts["board"] = report
        unheard = report["energised_unheard_ms"]
        kept = unheard <= LINK_SILENCE_MS + LOOKS_MS
        self._line.figures.hold(f"outputs fall safe within {LINK_SILENCE_MS:g} ms of silence", kept, unheard)
        self._line.figures.hold("no command was executed twice", report["doubled"] == 0, report["doubled"])
