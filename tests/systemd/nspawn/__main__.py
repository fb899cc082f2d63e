"""`python -m tests.systemd.nspawn [--trials N] [--json FILE]`: the service in a real systemd."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from .installed import install, put_first
from .machine import Machine
from .rooted import CannotRun, gather_wheels, make_root, needs
from .trials import Trials


def say(text: str) -> None:
    """Say how far it is."""
    print(f"nspawn: {text}", file=sys.stderr, flush=True)


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
    parser.add_argument(
        "--alone",
        action="store_true",
        help="schedule the service before everything else (SCHED_FIFO), so that what others do on this machine is not "
        "measured; the limits are then those that are promised",
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
            install(machine, say)
            try:
                patience = None if arguments.alone and put_first(machine, say) else arguments.patience
                figures = Trials(machine, say, patience).all(arguments.trials)
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
    load = round(os.getloadavg()[0], 1)
    result = {"trials": arguments.trials, "alone": patience is None, "load": load, **figures.told()}
    if arguments.json == "-":
        print(json.dumps(result, indent=2))
    elif arguments.json:
        Path(arguments.json).write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    slow = result["slowness"] or [1.0]
    say(f"machine  {min(slow):.1f} to {max(slow):.1f} times slower than an idle one, load {result['load']}")
    for name, one in result["times"].items():
        span = f"{one['min_s']:.2f} / {one['median_s']:.2f} / {one['max_s']:.2f} s"
        say(f"{name:<8} {span} (min/median/max), {one['within_as_measured']} of {one['count']} in {one['limit_s']:g} s")
    say(f"ratio    {result.get('ratio')}: a restart over that of a service that does nothing")
    say(f"board    {figures.facts.get('board')}")
    for line in figures.broken:
        say(f"BROKEN: {line}")
    return 1 if figures.broken else 0


if __name__ == "__main__":
    sys.exit(main())
