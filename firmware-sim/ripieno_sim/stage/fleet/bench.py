"""How fast a device's end of the fleet is on this machine: Mosquitto as `fleet init` configures it, TLS on both sides,
a device and `ripieno consume` as processes, the operator here.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import Any

from ripieno.errors import BrokerError
from ripieno_daemon.console import Console
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.trust.founding import FleetFolder, found

from . import mosquitto
from .device import DEVICE, FLEET

WARM_UP = 2_000
COMMANDS_WARM_UP = 20
TICKS = os.sysconf("SC_CLK_TCK")


async def measure(folder: Path, results: int, commands: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures.

    Raises:
        BrokerError: Mosquitto is not installed, or a process ended.
    """
    port = mosquitto.free_port()
    fleet = found(folder / FLEET, FLEET, ["127.0.0.1"], "127.0.0.1", port, SystemClock())
    _let_ask_often(fleet)
    fleet.enrol(DEVICE)
    async with AsyncExitStack() as stack:
        progress("broker, consumer and device start")
        broker = await mosquitto.start(fleet.root / "broker/mosquitto.conf", port)
        stack.push_async_callback(_end, broker)
        into = str(folder / "results.sqlite")
        consumer = await _python("ripieno_daemon", "consume", "--fleet", str(fleet.root), "--into", into)
        stack.push_async_callback(_end, consumer)
        words = ("bench", str(folder / "device"), str(port), str(fleet.root))
        device = await _python("ripieno_sim.stage.fleet.device", *words)
        stack.push_async_callback(_end, device)
        await _line(device)
        await _make(device, WARM_UP)
        parties = {"device": device, "consumer": consumer, "broker": broker}
        before = {name: _cpu_s(process) for name, process in parties.items()}
        progress(f"{results} results")
        figures = await _make(device, results)
        cpu = {name: round((_cpu_s(process) - before[name]) / results * 1e6, 1) for name, process in parties.items()}
        progress(f"{commands} commands")
        figures["command_ms"] = await _commands(fleet, commands)
        return {**figures, "cpu_us_per_result": cpu, "load": round(os.getloadavg()[0], 1)}


def _let_ask_often(fleet: FleetFolder) -> None:
    policy = fleet.root / "policy.toml"
    text = policy.read_text(encoding="utf-8").replace("per_minute = 60", "per_minute = 100000")
    policy.write_text(text, encoding="utf-8")
    fleet.sign_policy()


async def _make(device: Process, count: int) -> dict[str, Any]:
    assert device.stdin is not None
    device.stdin.write(b"%d\n" % count)
    return await _line(device)


async def _line(device: Process) -> dict[str, Any]:
    assert device.stdout is not None
    line = await device.stdout.readline()
    if not line:
        raise BrokerError("the device's process ended")
    told: dict[str, Any] = json.loads(line)
    return told


async def _commands(fleet: FleetFolder, count: int) -> dict[str, float]:
    """Ask for `status` one after the other; each is signed, journalled and answered."""
    clock, entropy = SystemClock(), SystemEntropy()
    tls = TlsFiles(*map(str, fleet.client("console-1")))
    settings = MqttSettings(host="127.0.0.1", port=fleet.port, client_id="console-1", tls=tls)
    broker = MqttBroker(settings, clock, entropy)
    console = Console(broker, FLEET, "console-1", clock, entropy, [fleet.signer("operator")])
    connection = asyncio.create_task(console.run(), name="console")
    took: list[float] = []
    try:
        await console.ready(device=DEVICE)
        for number in range(COMMANDS_WARM_UP + count):
            began_ns = clock.monotonic_ns()
            answer = await console.ask(DEVICE, "status")
            if answer["state"] != "DONE":
                raise BrokerError(f"a command was not done: {answer.get('text')}")
            if number >= COMMANDS_WARM_UP:
                took.append((clock.monotonic_ns() - began_ns) / 1e6)
    finally:
        connection.cancel()
        await asyncio.gather(connection, return_exceptions=True)
    took.sort()
    return {
        "p50": round(took[len(took) // 2], 3),
        "p99": round(took[int(len(took) * 0.99)], 3),
        "max": round(took[-1], 3),
    }


async def _python(module: str, *words: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, *words, stdin=PIPE, stdout=PIPE, stderr=DEVNULL
    )


async def _end(process: Process) -> None:
    with suppress(ProcessLookupError):
        process.kill()
    await process.wait()


def _cpu_s(process: Process) -> float:
    """Processor time of a process, its threads included."""
    fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS
