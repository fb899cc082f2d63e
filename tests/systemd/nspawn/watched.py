"""The line under test, as it is seen from outside: systemd's word, the daemon's answers, the board's counts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from typing import Any

from .figures import Figures
from .machine import Machine

READY_S = 20.0
LOOK_S = 0.25  # systemd's own timestamp is what counts: looking often would only take processor time from the start
WORK_S = 0.2
WORK = f"""
import os, time
began = time.monotonic()
for _ in range(2):
    if not os.fork():
        while time.process_time() < {WORK_S}:
            pass
        os._exit(0)
os.wait(), os.wait()
print(time.monotonic() - began)
"""
REPORT = "/run/ripieno-sim/report.json"


class Watched:
    """The line on one machine, and what is noted of it.

    `patience`: limits of time times this, and times how busy the machine is; None: they are held as they are.
    """

    def __init__(self, machine: Machine, figures: Figures, patience: float | None) -> None:
        self.machine, self.figures, self._patience = machine, figures, patience

    def report(self) -> dict[str, Any]:
        """Return what the simulated board saw so far."""
        found = json.loads(self.machine.text(REPORT))
        assert isinstance(found, dict)
        return found

    def until_ready(self, when: str) -> None:
        """Wait until an act is possible."""
        began = time.monotonic()
        self.wait(
            f"ready {when}", lambda: self.machine.status("/opt/ripieno/bin/ripieno", "health", "--ready") == 0, READY_S
        )
        self.figures.facts.setdefault("ready_s", []).append(round(time.monotonic() - began, 1))

    def moves(self, when: str) -> None:
        """Wait until the gate has moved again."""
        opened = self.report()["openings"]
        self.wait(f"the gate moves {when}", lambda: self.report()["openings"] > opened, 20)

    def fresh(self) -> dict[str, str]:
        """Each trial is one bad day: what the trials before did does not count as a crash loop."""
        self.forget()
        return self.machine.show()

    def slowness(self) -> float:
        """Return how many times longer two processes that only compute take now than on an idle machine, at least 1.

        A start is two such processes: the daemon's and its worker's.
        """
        if self._patience is None:
            return 1.0
        return self._patience * max(1.0, float(self.machine.run("python3", "-c", WORK)) / WORK_S)

    def processor_s(self) -> float:
        """Return the seconds of processor time that the daemon's process has taken: no load makes it more."""
        numbers = self.machine.text(f"/proc/{self.machine.show()['MainPID']}/stat").rpartition(")")[2].split()
        return (int(numbers[11]) + int(numbers[12])) / os.sysconf("SC_CLK_TCK")

    def forget(self) -> None:
        """The trials until now do not count as a crash loop."""
        self.machine.run("rm", "-f", "/run/ripieno/starts")

    def active_again(self, before: dict[str, str], began: float, limit_s: float = 30.0) -> float:
        """Return after how many seconds systemd counted it as active, in a new process."""
        while time.monotonic() - began < limit_s:
            shown = self.machine.show()
            entered = int(shown["ActiveEnterTimestampMonotonic"]) / 1e6
            fresh = shown["MainPID"] not in ("0", before["MainPID"])
            if shown["ActiveState"] == "active" and fresh and entered > began - 0.05:
                return entered - began
            time.sleep(LOOK_S)
        self.figures.broken.append(f"not active within {limit_s:g} s: {self.machine.show()}")
        return limit_s

    def alarms(self) -> list[str]:
        """Return the codes of the alarms."""
        return [alarm["code"] for alarm in self.machine.ask("status").get("alarms", [])]

    def is_durable(self) -> bool:
        """Whether the record is."""
        ledger = self.machine.ask("status").get("ledger") or {}
        return bool(ledger.get("durable")) and ledger["waiting"] < 500

    def wait(self, promise: str, check: Callable[[], bool], seconds: float) -> None:
        """Wait until it is so; a promise is broken where it does not become so."""
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if check():
                return
            time.sleep(0.1)
        self.figures.hold(f"{promise}, within {seconds:g} s", False, self.machine.journal(lines=12)[-900:])
