"""What goes wrong on a device that nobody visits, and what a person finds when somebody does."""

from __future__ import annotations

import json
import time

from .watched import Watched

DEVICE = "/etc/ripieno/device.yaml"
RULES = "/etc/udev/rules.d/60-ripieno.rules"
ANY_DEVICE = "/sys/class/mem/null"  # all rules are read whatever the device is


class BadDays:
    """Each trial ends with a line that runs."""

    def __init__(self, line: Watched) -> None:
        self._line = line

    def logs(self) -> None:
        """What was said over all these deaths, by what it is about."""
        machine, about = self._line.machine, ("--device", "conveyor", "--lines", "0")
        told = machine.ask("logs", *about)
        held = told.get("source", "").startswith("journal") and bool(told["entries"])
        self._line.figures.hold("ripieno logs reads the journal by device", held, told.get("source"))
        others = [one for one in told.get("entries", []) if one.get("device") != "conveyor"]
        self._line.figures.hold("and nothing of another device", not others, others[:1])
        native = machine.run("journalctl", "-q", "-u", "ripieno", "-o", "cat", "RIPIENO_EVENT=ready").splitlines()
        self._line.figures.hold("each start is an entry of its own kind", len(native) > 1, native[:1])
        words = ("setpriv", "--reuid=ripieno", "--regid=ripieno", "--init-groups", "/opt/ripieno/bin/ripieno", "logs")
        own = json.loads(machine.run(*words, *about, "--json", "-", check=False) or "{}")
        held = own.get("source") == "/var/lib/ripieno/logs" and bool(own["entries"])
        self._line.figures.hold("who may not read the journal reads the daemon's own file", held, own.get("source"))

    def rules(self) -> None:
        """The device rules, by the program that obeys them."""
        machine, broken = self._line.machine, RULES.replace("60-ripieno", "99-broken")
        machine.file(broken).write_text('SUBSYSTEM=="tty", NO_SUCH_KEY="1"\n')
        said = machine.run("sh", "-c", f"udevadm test {ANY_DEVICE} 2>&1", check=False)
        machine.file(broken).unlink()
        ours = [line for line in said.splitlines() if RULES in line]
        self._line.figures.hold("udev reads the rules without a word", ours == [f"Reading rules file: {RULES}"], ours)
        self._line.figures.hold("udev names a rule that it does not understand", f"{broken}:1 Invalid key" in said)

    def disk(self) -> None:
        """D1: no byte more can be written."""
        machine = self._line.machine
        machine.status(
            "sh",
            "-c",
            "dd if=/dev/zero of=/var/lib/ripieno/filler bs=64k; dd if=/dev/zero of=/var/lib/ripieno/filler2 bs=1k",
        )
        self._line.wait("the full disk is an alarm", lambda: "storage" in self._line.alarms(), 30)
        opened = self._line.report()["openings"]
        self._line.wait(
            "the gate still moves on a full disk", lambda: self._line.report()["openings"] >= opened + 5, 30
        )
        status = machine.ask("status")
        self._line.figures.hold(
            "the daemon is healthy on a full disk", bool(status.get("healthy")), status.get("doing")
        )
        pid = machine.show()["MainPID"]
        machine.run("rm", "-f", "/var/lib/ripieno/filler", "/var/lib/ripieno/filler2")
        self._line.wait("the record is durable when there is room again", self._line.is_durable, 30)
        self._line.figures.hold("a full disk costs no restart", machine.show()["MainPID"] == pid)

    def edit(self) -> None:
        """G5 and bad starts."""
        machine = self._line.machine
        good = machine.text(DEVICE)
        machine.file(DEVICE).write_text(good.replace("outputs:", "outputz:"))
        self._line.figures.hold(
            "systemctl reload refuses a bad file", machine.status("systemctl", "reload", "ripieno") != 0
        )
        self._line.figures.hold("what ran runs on after a refused reload", bool(machine.ask("status").get("ready")))
        self._line.forget()
        machine.run("systemctl", "restart", "ripieno")
        self._line.until_ready("on the last good plan")
        status = machine.ask("status")
        source = (status.get("plan") or {}).get("source")
        self._line.figures.hold("a bad file at a start leaves the last good plan", source == "last good plan", source)
        shown = machine.show()["StatusText"]
        self._line.figures.hold("systemctl status names the bad line", "device.yaml:" in shown, shown)
        machine.file(DEVICE).write_text(good)
        self._line.figures.hold(
            "systemctl reload takes a good file", machine.status("systemctl", "reload", "ripieno") == 0
        )
        self._line.until_ready("after the mend")
        self._line.figures.hold("the alarm is over after the mend", "config" not in self._line.alarms())

    def crash_loop(self) -> None:
        """P9: it dies again and again."""
        machine = self._line.machine
        self._line.forget()
        for _ in range(6):
            before = machine.show()
            machine.signal("KILL", before["MainPID"])
            self._line.active_again(before, time.monotonic())
        status = machine.ask("status")
        self._line.figures.hold(
            "a crash loop ends in safe mode", status.get("phase") == "safe mode", status.get("phase")
        )
        self._line.wait(
            "the board is safe in safe mode", lambda: self._line.report()["levels"] == {"0": 0, "1": 10_000}, 5
        )
        self._line.figures.hold("rearm ends safe mode", machine.status("/opt/ripieno/bin/ripieno", "rearm") == 0)
        self._line.until_ready("after safe mode")
