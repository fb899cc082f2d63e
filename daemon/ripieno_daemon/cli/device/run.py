"""`ripieno run`: the daemon, from a device file."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..command import OK, Command

MOST_EARLY = 200  # sentences are remembered until the state directory is known
SWITCH_S = 0.0005  # the disk's threads run Python too, and at the usual 5 ms each holds the loop that long

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.app import Ports
    from ripieno_daemon.logs import Entry
    from ripieno_daemon.ports.log_file import LogFile
    from ripieno_daemon.ports.small_files import SmallFiles
    from ripieno_daemon.workers.warm import WarmWorker

SIGNALS = """\
signals:
  TERM, INT  stop: outputs safe, everything recorded, exit 0
  HUP        put the files as they are now into force, if they are good (better: ripieno reload)
  USR1       a person says that outputs may move again, after a start or a fault (better: ripieno rearm)"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", metavar="FILE", required=True, help="the device file, such as /etc/ripieno/device.yaml"
    )
    parser.epilog = f"{parser.epilog}\n\n{SIGNALS}"
    parser.add_argument("--json", action="store_true", help="say what happens as JSON, one object a line")


def _run(arguments: argparse.Namespace) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(OK))  # until the loop takes it: nothing is open yet
    from ripieno_daemon.service import collecting

    collecting.rest()
    import uvloop

    sys.setswitchinterval(SWITCH_S)
    faulthandler.enable()  # a watchdog's SIGABRT, or a crash in a library, says where it was
    teller = Teller(arguments.json)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        code = runner.run(serve(arguments.device, teller, lambda ports: ports))
    collecting.leave()
    return code


class Teller:
    """Says what happens: to the journal where systemd has one for this process, else on standard error, as a line for
    people or as an object for programs; and to the daemon's own file once its state directory is known.
    """

    def __init__(self, as_json: bool) -> None:
        from ripieno_daemon.logs import Log
        from ripieno_daemon.ports.clock import SystemClock
        from ripieno_daemon.ports.journal import is_ours

        goes_to_journal = is_ours(os.environ)
        self._log = Log(SystemClock(), self._written(as_json, goes_to_journal))
        self._early: list[Entry] | None = []
        self._log.add(self._hold)
        self._file: LogFile | None = None
        self.tell = self._log.tell

    def _written(self, as_json: bool, goes_to_journal: bool) -> Callable[[Entry], None]:
        from ripieno_daemon.logs import writers

        if as_json:
            return writers.to_programs(sys.stderr, time.monotonic() - time.process_time(), time.monotonic)
        if not goes_to_journal:
            return writers.to_people(sys.stderr)
        from ripieno_daemon.ports.journal import JournalSocket

        return writers.to_journal(JournalSocket(), writers.with_priorities(sys.stderr))

    def know(self, plan: Plan) -> None:
        """Know the names of the plan that is to run, and where its state is."""
        self._log.know([one.name for one in plan.pipelines], [one.name for one in plan.devices])
        self.keep_in(Path(plan.storage.state))

    def keep_in(self, state: Path) -> None:
        """Write the daemon's own file there from now on, and what was said before."""
        if self._file is not None:
            return
        from ripieno_daemon.logs.reading import FOLDER
        from ripieno_daemon.logs.writers import to_file
        from ripieno_daemon.ports.log_file import LogFile

        self._file = LogFile(state / FOLDER)
        write, early, self._early = to_file(self._file), self._early, None
        self._log.add(write)
        for entry in early or ():
            write(entry)

    def close(self) -> None:
        """Wait until the daemon's own file has all that was said."""
        if self._file is not None:
            self._file.close()

    def _hold(self, entry: Entry) -> None:
        if self._early is not None and len(self._early) < MOST_EARLY:
            self._early.append(entry)


async def serve(device_file: str, teller: Teller, dress: Callable[[Ports], Ports]) -> int:
    """Run the daemon until SIGTERM or SIGINT, over the real ports as `dress` returns them; return the exit code."""
    from ripieno_daemon.service.surroundings import Surroundings

    around = Surroundings.from_environment(os.environ)
    warm = await _warm_worker(device_file, around.kept)
    from ripieno_daemon.app import App
    from ripieno_daemon.service import Life
    from ripieno_daemon.wiring import real_ports

    def ports(plan: Plan) -> Ports:
        teller.know(plan)
        return dress(real_ports(plan, warm.spawn))

    life = Life(device_file, teller.tell, around, ports, App)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, life.stop)
    loop.add_signal_handler(signal.SIGUSR1, lambda: life.in_background(life.rearm("a person at the device (signal)")))
    loop.add_signal_handler(signal.SIGHUP, lambda: life.in_background(life.reload("a person at the device (signal)")))
    try:
        code = await life.run()
    finally:
        await warm.close()
    if code == OK:
        teller.tell("stopped", "stopped: outputs are safe, everything is recorded")
    if around.kept is not None:
        teller.keep_in(around.kept.folder)  # no plan has said where: what is wrong with the files is kept all the same
    teller.close()
    return code


async def _warm_worker(device_file: str, kept: SmallFiles | None) -> WarmWorker:
    """Start a worker's process before anything else is imported, where it is known already which one is wanted."""
    from ripieno_daemon.compiling.remembered import recalled
    from ripieno_daemon.workers.parts import NICE
    from ripieno_daemon.workers.wanted import first_lane, runtime_of
    from ripieno_daemon.workers.warm import WarmWorker

    warm = WarmWorker()
    found = recalled(device_file, kept) if kept is not None else None
    if found is not None and (lane := first_lane(found.plan)) is not None:
        await warm.begin(NICE[lane], runtime_of(found.plan))
    return warm


COMMAND = Command(
    "run",
    "daily",
    "run the daemon",
    "ripieno run --device /etc/ripieno/device.yaml",
    _arguments,
    _run,
)
