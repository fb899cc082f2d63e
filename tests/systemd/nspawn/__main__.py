"""`python -m tests.systemd.nspawn [--trials N] [--json FILE]`: the service in a real systemd."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

from .machine import Machine
from .rooted import REPOSITORY, CannotRun, gather_wheels, make_root, needs
from .trials import Trials

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


def say(text: str) -> None:
    """Say how far it is."""
    print(f"nspawn: {text}", file=sys.stderr, flush=True)


def documented() -> list[str]:
    """Return the commands of docs/install.md, in order."""
    text = (REPOSITORY / "docs/install.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)^ *```", text, re.S | re.M)
    return [line.strip() for block in blocks for line in block.splitlines() if line.strip()]


def install(machine: Machine) -> None:
    """Follow the document, and change what a site without machines changes: the board is a process of its own here."""
    for command in documented():
        if command.startswith("apt-get"):
            continue  # the root has no network; debootstrap has brought what this line would
        if command.startswith("systemctl enable"):
            prepare(machine)
        say(f"$ {command}")
        machine.run("sh", "-c", f"cd /root && {command}")


def prepare(machine: Machine) -> None:
    """Put the simulated line into a unit of its own, so that it outlives the daemon, and the state on a small disk."""
    device = machine.file("/etc/ripieno/device.yaml")
    text = device.read_text()
    text = re.sub(r"^  simulation:.*\n", "", text, flags=re.M)
    text = text.replace("/var/lib/ripieno/simulated/conveyor", "/run/ripieno-sim/conveyor")
    text = text.replace("/var/lib/ripieno/simulated/camera", "/var/spool/ripieno/camera")
    device.write_text(text)
    machine.file("/etc/systemd/system/ripieno-sim.service").write_text(SIMULATION)
    machine.run("mkdir", "-p", "/var/lib/ripieno")
    machine.run("mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", "/var/lib/ripieno")
    machine.run("chown", "ripieno:ripieno", "/var/lib/ripieno")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "enable", "--now", "ripieno-sim")


def main() -> int:
    """Run; return 0, or 1 where a promise is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.systemd.nspawn", description=__doc__)
    parser.add_argument("--trials", type=int, default=3, help="how often it is killed, hung and restarted (default 3)")
    parser.add_argument(
        "--patience",
        type=float,
        default=1.0,
        help="limits of time times this, on a machine that others use (default 1)",
    )
    parser.add_argument("--json", metavar="FILE", help="write the figures to FILE, or to standard output if it is -")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="work in DIR and leave the root there")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="ripieno-nspawn-"))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        needs()
        root = make_root(folder, say)
        gather_wheels(root, say)
        with Machine(root, folder / "console.log") as machine:
            install(machine)
            try:
                figures = Trials(machine, say, arguments.patience).all(arguments.trials)
            except Exception:
                say(machine.journal(lines=60))
                raise
            figures.facts["journal"] = len(machine.journal(lines=100_000).splitlines())
    except CannotRun as error:
        required = "nspawn" in os.environ.get("RIPIENO_REQUIRE", "").split(",")
        print(f"nspawn: {'cannot run, and is required here' if required else 'skipped'}: {error}")
        return 1 if required else 0
    finally:
        if arguments.keep is None:
            shutil.rmtree(folder, ignore_errors=True)
    result = {
        "trials": arguments.trials,
        "times_s": figures.times_s,
        "slowness": figures.slowness,
        "broken": figures.broken,
        **figures.facts,
    }
    if arguments.json == "-":
        print(json.dumps(result, indent=2))
    elif arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    slow = figures.slowness or [1.0]
    say(f"machine  {min(slow):.1f} to {max(slow):.1f} times slower than an idle one, load {os.getloadavg()[0]:.1f}")
    for name, times in figures.times_s.items():
        say(f"{name:<8} {len(times)} times, {min(times):.2f} to {max(times):.2f} s")
    say(f"board    {figures.facts.get('board')}")
    for line in figures.broken:
        say(f"BROKEN: {line}")
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
