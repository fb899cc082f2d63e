"""`ripieno run`: the daemon, from a device file."""

from __future__ import annotations

import argparse
import asyncio
import faulthandler
import json
import os
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from .command import OK, Command

SWITCH_S = 0.0005  # the disk's threads run Python too, and at the usual 5 ms each holds the loop that long

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports
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
    """Says what happens on standard error: a line for people, or an object for programs.

    `ms`: since the process began.
    """

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._began = time.monotonic() - time.process_time()

    def __call__(self, text: str) -> None:
        """Say one sentence."""
        self.tell("said", text)

    def tell(self, event: str, text: str) -> None:
        """Say what kind of thing happened, and the sentence."""
        since_ms = round((time.monotonic() - self._began) * 1000)
        line = json.dumps({"event": event, "ms": since_ms, "text": text}) if self._as_json else text
        print(line, file=sys.stderr, flush=True)


async def serve(device_file: str, teller: Teller, dress: Callable[[Ports], Ports]) -> int:
    """Run the daemon until SIGTERM or SIGINT, over the real ports as `dress` returns them; return the exit code."""
    from ripieno_daemon.service.surroundings import Surroundings

    around = Surroundings.from_environment(os.environ)
    warm = await _warm_worker(device_file, around.kept)
    from ripieno_daemon.app import App
    from ripieno_daemon.service import Life
    from ripieno_daemon.wiring import real_ports

    life = Life(device_file, teller.tell, around, lambda plan: dress(real_ports(plan, warm.spawn)), App)
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
