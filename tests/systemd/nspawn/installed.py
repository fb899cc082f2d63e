"""The wheel installed as docs/install.md says, and what a site without machines has instead of them."""

from __future__ import annotations

import re
from collections.abc import Callable

from .machine import Machine
from .rooted import REPOSITORY

SIMULATION = """\
[Unit]
Description=A simulated line for the daemon
Before=ripieno.service
[Service]
User=ripieno
RuntimeDirectory=ripieno-sim
ExecStart=/opt/ripieno/bin/ripieno sim line --dir /run/ripieno-sim --camera /var/spool/ripieno/camera \\
    --report /run/ripieno-sim/report.json
Restart=always
[Install]
WantedBy=multi-user.target
"""

# What a restart costs on this machine where there is nothing to start: the figure to compare with.
NOTHING = """\
[Service]
Type=notify
User=ripieno
ExecStart=/opt/ripieno/bin/python /opt/ripieno/nothing.py
"""
NOTHING_PY = """\
import os, signal, socket
with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
    line.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"])
signal.pause()
"""

# The daemon, with a callback in it that does not return when it is asked to: code of a user that blocks the loop.
HANGS = """\
[Service]
ExecStart=
ExecStart=/opt/ripieno/bin/python /opt/ripieno/hangs.py run --device /etc/ripieno/device.yaml
"""
HANGS_PY = """\
import signal, sys, time
from ripieno_daemon.cli import main


def a_callback_that_does_not_return(number, frame):
    while True:
        time.sleep(0.1)


signal.signal(signal.SIGUSR2, a_callback_that_does_not_return)
sys.exit(main(sys.argv[1:]))
"""
UNITS = {"ripieno-sim.service": SIMULATION, "ripieno-nothing.service": NOTHING, "ripieno.service.d/hangs.conf": HANGS}


# Before everything else on the machine: what others do there is not measured.
FIRST = """\
[Service]
CPUSchedulingPolicy=fifo
CPUSchedulingPriority=10
"""


def put_first(machine: Machine, say: Callable[[str], None]) -> bool:
    """Schedule the service, and the one that does nothing, before everything else; return whether that is allowed."""
    units = ("ripieno", "ripieno-nothing")
    places = [machine.file(f"/etc/systemd/system/{unit}.service.d/first.conf") for unit in units]
    for place in places:
        place.parent.mkdir(exist_ok=True)
        place.write_text(FIRST)
    machine.run("systemctl", "daemon-reload")
    if machine.status("systemctl", "restart", "ripieno") == 0:
        return True
    say("this machine schedules nothing before everything else: it is measured among what others do")
    for place in places:
        place.unlink()
    machine.run("systemctl", "daemon-reload")
    machine.run("rm", "-f", "/run/ripieno/starts")
    machine.run("systemctl", "restart", "ripieno")
    return False


def documented() -> list[str]:
    """Return the commands of docs/install.md, in order."""
    text = (REPOSITORY / "docs/install.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.S | re.M)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def install(machine: Machine, say: Callable[[str], None]) -> None:
    """Follow the document, and change what a site without machines changes: the board is a process of its own here."""
    for command in documented():
        if command.startswith("apt-get"):
            continue  # the root has no network; debootstrap has brought what this line would
        if command.startswith("systemctl enable"):
            _prepare(machine)
        say(f"$ {command}")
        machine.run("sh", "-c", f"cd /root && {command}")


def _prepare(machine: Machine) -> None:
    """Put the simulated line into a unit of its own, so that it outlives the daemon, and the state on a small disk."""
    device = machine.file("/etc/ripieno/device.yaml")
    text = device.read_text()
    text = re.sub(r"^  simulation:.*\n", "", text, flags=re.M)
    text = text.replace("/var/lib/ripieno/simulated/conveyor", "/run/ripieno-sim/conveyor")
    text = text.replace("/var/lib/ripieno/simulated/camera", "/var/spool/ripieno/camera")
    device.write_text(text)
    units = {
        "ripieno-sim.service": SIMULATION,
        "ripieno-nothing.service": NOTHING,
        "ripieno.service.d/hangs.conf": HANGS,
    }
    for name, content in units.items():
        place = machine.file(f"/etc/systemd/system/{name}")
        place.parent.mkdir(exist_ok=True)
        place.write_text(content)
    machine.file("/opt/ripieno/nothing.py").write_text(NOTHING_PY)
    machine.file("/opt/ripieno/hangs.py").write_text(HANGS_PY)
    machine.run("mkdir", "-p", "/var/lib/ripieno")
    machine.run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", "/var/lib/ripieno")
    machine.run("chown", "ripieno:ripieno", "/var/lib/ripieno")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "ripieno-sim")
    machine.run("systemctl", "start", "ripieno-nothing")
