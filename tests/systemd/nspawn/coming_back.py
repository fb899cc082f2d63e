"""How long it takes to come back: after a kill, a stop of the whole process, a blocked loop, and when somebody asks.

A machine that others use is slower than an idle one: before and after each trial a fixed piece of work is timed, and
the limits of time grow with it. The figures are told as they were measured, with that factor beside them, and with the
processor time of a start, which no load changes.
"""

from __future__ import annotations

import time

from .watched import Watched

KILL_S, WATCHDOG_S, HANG_S, RESTART_S, STOP_S = 2.0, 5.0, 2.0, 1.0, 5.0
NOTHING = "ripieno-nothing"


class ComingBack:
    """Each trial once; the caller waits until the line runs again."""

    def __init__(self, line: Watched) -> None:
        self._line = line

    def kill(self) -> None:
        """P1: the process is gone from one instant to the next."""
        self._comes_back("kill", "KILL", KILL_S)

    def stopped(self) -> None:
        """P4: the process is there and does nothing."""
        self._comes_back("stopped", "STOP", WATCHDOG_S + HANG_S, WATCHDOG_S)

    def hang(self) -> None:
        """P5: a callback that does not return."""
        self._comes_back("hang", "USR2", WATCHDOG_S + HANG_S, WATCHDOG_S)
        said = self._line.machine.journal(lines=200)
        self._line.figures.hold("the journal names what blocked the loop", "in a_callback_that_does_not_return" in said)

    def restart(self) -> None:
        """A person restarts it; beside it a service that does nothing, on the same machine at the same time."""
        figures, before, slowness = self._line.figures, self._line.fresh(), self._line.slowness()
        took = {name: self._restarted(unit) for name, unit in (("nothing", NOTHING), ("restart", "ripieno"))}
        figures.facts.setdefault("start_processor_s", []).append(self._line.processor_s())
        slowness = (slowness + self._line.slowness()) / 2
        for name, seconds in took.items():
            figures.took(name, seconds, RESTART_S, slowness)
        figures.hold("a restart is a new process", self._line.machine.show()["MainPID"] != before["MainPID"])

    def stop(self) -> None:
        """P10, by systemd."""
        began = time.monotonic()
        self._line.machine.run("systemctl", "stop", "ripieno")
        self._line.figures.took("stop", time.monotonic() - began, STOP_S, 1.0)
        shown = self._line.machine.show()
        self._line.figures.hold(
            "a stop is a success", shown["Result"] == "success" and shown["ExecMainStatus"] == "0", shown
        )
        self._line.wait(
            "outputs are safe after a stop", lambda: self._line.report()["levels"] == {"0": 0, "1": 10_000}, 2
        )

    def _comes_back(self, trial: str, signal: str, limit_s: float, watched_s: float = 0.0) -> None:
        before, slowness = self._line.fresh(), self._line.slowness()
        began = time.monotonic()
        self._line.machine.signal(signal, before["MainPID"])
        took_s = self._line.active_again(before, began, limit_s + 20)
        slowness = (slowness + self._line.slowness()) / 2
        self._line.figures.took(trial, took_s, limit_s, slowness, watched_s)

    def _restarted(self, unit: str) -> float:
        """Return the seconds from the request until systemd counted the unit as active, as its clock has it."""
        began = time.monotonic()
        self._line.machine.run("systemctl", "restart", unit)
        return int(self._line.machine.show(unit)["ActiveEnterTimestampMonotonic"]) / 1e6 - began
