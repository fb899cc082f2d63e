"""What is promised of the service, each promise with the way it is put to the test.

    kill     SIGKILL              active again within 2 s
    stopped  SIGSTOP              active again within WatchdogSec + 2 s
    hang     the loop is blocked by code that does not return: the same, and the journal names the file and line
    restart  systemctl restart    active again within 1 s; beside it, that of a service that does nothing
    disk     the state's disk is full: control goes on, says so, and the record is whole again when there is room
    edit     a bad file at a restart: the last good plan; at a reload: refused, and what ran runs on
    loop     it is killed again and again: safe mode, which a person ends

A machine that others use is slower than an idle one: before each trial a fixed piece of work is timed, and the limits
of time grow with it. The figures are told as they were measured, with that factor beside them.

Meanwhile no output is energised for longer than LINK_SILENCE_MS after the board last heard the host, as it counts.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

from .figures import Figures
from .machine import Machine

KILL_S, WATCHDOG_S, HANG_S, RESTART_S, STOP_S = 2.0, 5.0, 2.0, 1.0, 5.0
READY_S = 20.0
LOOK_S = 0.25  # systemd's own timestamp is what counts: looking often would only take processor time from the start
NOTHING = "ripieno-nothing"
LINK_SILENCE_MS = 300.0
LOOKS_MS = 60.0  # the board is looked at every 10 ms, by a process that shares a busy machine
WORK = "import asyncio, ssl, sqlite3, email.parser, http.client, argparse, logging"
WORK_S = 0.25  # what it takes on an idle machine of two cores from 2020 on
REPORT = "/run/ripieno-sim/report.json"
DEVICE = "/etc/ripieno/device.yaml"


class Trials:
    """All trials on one machine."""

    def __init__(self, machine: Machine, say: Callable[[str], None], patience: float = 1.0) -> None:
        self._machine, self._say, self._patience = machine, say, patience
        self.figures = Figures()

    def all(self, count: int) -> Figures:
        """Run every trial, those that can be repeated `count` times."""
        self.until_ready("at first")
        repeated = {"kill": self.kill, "stopped": self.stopped, "hang": self.hang, "restart": self.restart}
        for name, trial in repeated.items():
            for number in range(count):
                self._say(f"{name} {number + 1} of {count}")
                trial()
                self.until_ready(f"after {name} {number + 1}")
                self.moves(f"after {name} {number + 1}")
        for trial in (self.disk, self.edit, self.crash_loop, self.stop):
            self._say(trial.__name__.replace("_", " "))
            trial()
        self.board()
        return self.figures

    def kill(self) -> None:
        """P1: the process is gone from one instant to the next."""
        before, slowness = self._fresh(), self._slowness()
        began = time.monotonic()
        self._machine.signal("KILL", before["MainPID"])
        self.figures.took("kill", self._active_again(before, began), KILL_S, slowness)

    def stopped(self) -> None:
        """P4: the process is there and does nothing."""
        self._stands_still("stopped", "STOP")

    def hang(self) -> None:
        """P5: a callback that does not return."""
        self._stands_still("hang", "USR2")
        said = self._machine.journal(lines=200)
        self.figures.hold("the journal names what blocked the loop", "in a_callback_that_does_not_return" in said)

    def _stands_still(self, trial: str, signal: str) -> None:
        before, slowness = self._fresh(), self._slowness()
        began = time.monotonic()
        self._machine.signal(signal, before["MainPID"])
        took_s = self._active_again(before, began, WATCHDOG_S + 20)
        self.figures.took(trial, took_s, WATCHDOG_S + HANG_S, slowness, WATCHDOG_S)

    def restart(self) -> None:
        """A person restarts it."""
        before, slowness = self._fresh(), self._slowness()
        self.figures.took("nothing", self._restarted(NOTHING), RESTART_S, slowness)
        self.figures.took("restart", self._restarted("ripieno"), RESTART_S, slowness)
        self.figures.hold("a restart is a new process", self._machine.show()["MainPID"] != before["MainPID"])

    def _restarted(self, unit: str) -> float:
        """Return the seconds from the request until systemd counted the unit as active, as its clock has it."""
        began = time.monotonic()
        self._machine.run("systemctl", "restart", unit)
        return int(self._machine.show(unit)["ActiveEnterTimestampMonotonic"]) / 1e6 - began

    def disk(self) -> None:
        """D1: no byte more can be written."""
        machine = self._machine
        machine.status(
            "sh",
            "-c",
            "dd if=/dev/zero of=/var/lib/ripieno/filler bs=64k; dd if=/dev/zero of=/var/lib/ripieno/filler2 bs=1k",
        )
        self._wait("the full disk is an alarm", lambda: "storage" in self._alarms(), 30)
        opened = self.report()["openings"]
        self._wait("the gate still moves on a full disk", lambda: self.report()["openings"] >= opened + 5, 30)
        status = machine.ask("status")
        self.figures.hold("the daemon is healthy on a full disk", bool(status.get("healthy")), status.get("doing"))
        pid = machine.show()["MainPID"]
        machine.run("rm", "-f", "/var/lib/ripieno/filler", "/var/lib/ripieno/filler2")
        self._wait("the record is durable when there is room again", self._is_durable, 30)
        self.figures.hold("a full disk costs no restart", machine.show()["MainPID"] == pid)

    def edit(self) -> None:
        """G5 and bad starts."""
        machine = self._machine
        good = machine.text(DEVICE)
        machine.file(DEVICE).write_text(good.replace("outputs:", "outputz:"))
        self.figures.hold("systemctl reload refuses a bad file", machine.status("systemctl", "reload", "ripieno") != 0)
        self.figures.hold("what ran runs on after a refused reload", bool(machine.ask("status").get("ready")))
        self._forget()
        machine.run("systemctl", "restart", "ripieno")
        self.until_ready("on the last good plan")
        status = machine.ask("status")
        source = (status.get("plan") or {}).get("source")
        self.figures.hold("a bad file at a start leaves the last good plan", source == "last good plan", source)
        shown = machine.show()["StatusText"]
        self.figures.hold("systemctl status names the bad line", "device.yaml:" in shown, shown)
        machine.file(DEVICE).write_text(good)
        self.figures.hold("systemctl reload takes a good file", machine.status("systemctl", "reload", "ripieno") == 0)
        self.until_ready("after the mend")
        self.figures.hold("no alarm is left after the mend", not self._alarms(), self._alarms())

    def crash_loop(self) -> None:
        """P9: it dies again and again."""
        machine = self._machine
        self._forget()
        for _ in range(6):
            before = machine.show()
            machine.signal("KILL", before["MainPID"])
            self._active_again(before, time.monotonic())
        status = machine.ask("status")
        self.figures.hold("a crash loop ends in safe mode", status.get("phase") == "safe mode", status.get("phase"))
        self._wait("the board is safe in safe mode", lambda: self.report()["levels"] == {"0": 0, "1": 10_000}, 5)
        self.figures.hold("rearm ends safe mode", machine.status("/opt/ripieno/bin/ripieno", "rearm") == 0)
        self.until_ready("after safe mode")

    def stop(self) -> None:
        """P10, by systemd."""
        began = time.monotonic()
        self._machine.run("systemctl", "stop", "ripieno")
        self.figures.took("stop", time.monotonic() - began, STOP_S, 1.0)
        shown = self._machine.show()
        self.figures.hold("a stop is a success", shown["Result"] == "success" and shown["ExecMainStatus"] == "0", shown)
        self._wait("outputs are safe after a stop", lambda: self.report()["levels"] == {"0": 0, "1": 10_000}, 2)

    def board(self) -> None:
        """What the board counted over all of it."""
        report = self.report()
        self.figures.facts["board"] = report
        unheard = report["energised_unheard_ms"]
        kept = unheard <= LINK_SILENCE_MS + LOOKS_MS
        self.figures.hold(f"outputs fall safe within {LINK_SILENCE_MS:g} ms of silence", kept, unheard)
        self.figures.hold("no command was executed twice", report["doubled"] == 0, report["doubled"])

    def report(self) -> dict[str, Any]:
        """Return what the simulated board saw so far."""
        found = json.loads(self._machine.text(REPORT))
        assert isinstance(found, dict)
        return found

    def until_ready(self, when: str) -> None:
        """Wait until an act is possible."""
        began = time.monotonic()
        self._wait(
            f"ready {when}", lambda: self._machine.status("/opt/ripieno/bin/ripieno", "health", "--ready") == 0, READY_S
        )
        self.figures.facts.setdefault("ready_s", []).append(round(time.monotonic() - began, 1))

    def moves(self, when: str) -> None:
        """Wait until the gate has moved again."""
        opened = self.report()["openings"]
        self._wait(f"the gate moves {when}", lambda: self.report()["openings"] > opened, 20)

    def _fresh(self) -> dict[str, str]:
        """Each trial is one bad day: what the trials before did does not count as a crash loop."""
        self._forget()
        return self._machine.show()

    def _slowness(self) -> float:
        """Return how many times slower than an idle machine this one is now, at least 1."""
        began = time.monotonic()
        self._machine.run("python3", "-c", WORK)
        return self._patience * max(1.0, (time.monotonic() - began) / WORK_S)

    def _forget(self) -> None:
        self._machine.run("rm", "-f", "/run/ripieno/starts")

    def _active_again(self, before: dict[str, str], began: float, limit_s: float = 30.0) -> float:
        """Return after how many seconds systemd counted it as active, in a new process."""
        while time.monotonic() - began < limit_s:
            shown = self._machine.show()
            entered = int(shown["ActiveEnterTimestampMonotonic"]) / 1e6
            fresh = shown["MainPID"] not in ("0", before["MainPID"])
            if shown["ActiveState"] == "active" and fresh and entered > began - 0.05:
                return entered - began
            time.sleep(LOOK_S)
        self.figures.broken.append(f"not active within {limit_s:g} s: {self._machine.show()}")
        return limit_s

    def _alarms(self) -> list[str]:
        return [alarm["code"] for alarm in self._machine.ask("status").get("alarms", [])]

    def _is_durable(self) -> bool:
        ledger = self._machine.ask("status").get("ledger") or {}
        return bool(ledger.get("durable")) and ledger["waiting"] < 500

    def _wait(self, promise: str, check: Callable[[], bool], seconds: float) -> None:
        began = time.monotonic()
        while time.monotonic() - began < seconds:
            if check():
                return
            time.sleep(0.1)
        self.figures.hold(f"{promise}, within {seconds:g} s", False, self._machine.journal(lines=12)[-900:])
