"""`ripieno run`: the daemon, from a device file."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from ripieno.errors import ConfigError

from .command import CALLED_WRONGLY, OK, Command

if TYPE_CHECKING:
    from ripieno_daemon.app import Ports

SIGNALS = """\
signals:
  TERM, INT  stop: outputs safe, everything recorded, exit 0
  USR1       a person says that outputs may move again, after a start or a fault (rearm: person)"""


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--device", metavar="FILE", required=True, help="the device file, such as /etc/ripieno/device.yaml"
    )
    parser.epilog = f"{parser.epilog}\n\n{SIGNALS}"
    parser.add_argument("--json", action="store_true", help="say what happens as JSON, one object a line")


def _run(arguments: argparse.Namespace) -> int:
    import uvloop

    teller = Teller(arguments.json)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(serve(arguments.device, teller, lambda ports: ports))


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
    from ripieno_daemon.app import App
    from ripieno_daemon.compiling import compile_in_child
    from ripieno_daemon.wiring import real_ports

    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    try:
        plan = await compile_in_child(device_file)
    except ConfigError as error:
        for problem in error.problems:
            teller.tell("problem", str(problem))
        return CALLED_WRONGLY
    app = App(plan, dress(real_ports(plan)), teller, lambda: teller.tell("ready", "ready: the first act is possible"))
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, app.rearm)
    await app.run(stop)
    teller.tell("stopped", "stopped: outputs are safe, everything is recorded")
    return OK


COMMAND = Command(
    "run",
    "daily",
    "run the daemon",
    "ripieno run --device /etc/ripieno/device.yaml",
    _arguments,
    _run,
)
