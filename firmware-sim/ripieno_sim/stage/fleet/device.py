"""A device's end of a fleet as a program: ledger, outbox, orders and station, over a real broker; no line.

    python -m ripieno_sim.stage.fleet.device bench|chaos|drain STATE PORT [FLEET_FOLDER]

bench: reads `N` from standard input, makes N results as fast as the ledger takes them, writes a JSON line when all
       are receipted; ends with standard input.
chaos: makes results for ever, about a thousand a second, and is there to be killed.
drain: makes one more and ends when all are receipted.
"""

from __future__ import annotations

import asyncio
import gc
import json
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import uvloop

from ripieno_daemon.fleet import Outbox, Sender, Station, Topics
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings, TlsFiles
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.orders import OrderDesk, Trusted
from ripieno_daemon.orders.executors import Status
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

DEVICE, FLEET = "line-1", "plant"
ROUND = 25
AHEAD = 100
"""Results that may wait for the disk: who makes them waits too, so that the wait says what a commit takes."""
BEHIND = 16_000
"""Results that may wait for a receipt, so that a slow consumer is not measured as a fast disk."""
GROUP_MS = 2.0
SWITCH_S = 0.0005
"""The ledger's thread runs Python too; at the usual 5 ms it holds the loop that long."""


def result(number: int) -> bytes:
    """Return a result of a usual size: 240 bytes that differ."""
    head = b'{"part": %d, "verdict": "good", "score": 0.%06d, ' % (number, number * 7919 % 1_000_000)
    return head + b'"operands": [%s]}' % b", ".join(b"%d" % (number * each % 9973) for each in range(1, 30))


class Device:
    """Everything that the fleet sees of one device."""

    def __init__(self, state: Path, port: int, folder: Path | None) -> None:
        self._clock, self._entropy = SystemClock(), SystemEntropy()
        self._storage = DiskStorage(state)
        self._folder = folder
        tls = None
        if folder is not None:
            own = folder / "devices" / DEVICE
            tls = TlsFiles(*(str(own / name) for name in ("ca.pem", "device.pem", "device.key")))
        settings = MqttSettings(host="127.0.0.1", port=port, client_id=DEVICE, tls=tls, most_backoff_s=0.5)
        self._broker = MqttBroker(settings, self._clock, self._entropy)
        self.stops: list[str] = []

    async def open(self, group: asyncio.TaskGroup) -> None:
        """Open ledger and orders, connect."""
        clock, entropy = self._clock, self._entropy
        boot = int.from_bytes(entropy.token(4), "big")
        self.ledger = await Ledger.open(self._storage.database("ledger.sqlite"), clock, entropy, group_ms=GROUP_MS)
        topics, sender = Topics(FLEET, DEVICE), Sender(DEVICE, boot, clock, entropy)
        self.outbox = Outbox(self.ledger, self._broker, clock, topics, sender)
        desk = None if self._folder is None else await self._desk(self._folder / "devices" / DEVICE, boot)
        station = Station(
            self._broker, topics, sender, clock, boot=boot, outboxes={"results": self.outbox}, orders=desk
        )
        group.create_task(self.ledger.run(), name="ledger")
        group.create_task(station.run(), name="station")

    async def _desk(self, own: Path, boot: int) -> OrderDesk:
        root = bytes.fromhex((own / "root.pub").read_text(encoding="ascii"))
        trusted = Trusted(FLEET, root, (own / "policy.signed").read_bytes())
        return await OrderDesk.open(
            self._storage.database("orders.sqlite"),
            self._entropy,
            trusted,
            {"status": Status(self._status)},
            device=DEVICE,
            boot=boot,
            clock=self._clock,
            clock_quality=lambda: 2,
            stop=self.stops.append,
        )

    def _status(self) -> Mapping[str, Any]:
        return {"backlog": self.outbox.backlog}


async def bench(device: Device) -> None:
    """Make as many results as each line of standard input says."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    async with asyncio.TaskGroup() as group:
        await device.open(group)
        print(json.dumps({"open": True}), flush=True)
        while line := await reader.readline():
            print(json.dumps(await _measured(device, int(line))), flush=True)
        raise SystemExit(0)


async def _measured(device: Device, count: int) -> dict[str, Any]:
    clock, ledger = SystemClock(), device.ledger
    waits: list[float] = []
    appended: dict[int, int] = {}
    stall = _Stall(clock)
    told = _Told()
    ledger.on_commit = _committed(device, waits, appended, clock, told)
    watching = asyncio.create_task(stall.watch(), name="stall")
    gc.collect()
    gc.freeze()
    began_ns = clock.monotonic_ns()
    for number in range(count):
        appended[ledger.append("decision", number, result(number), stream=True)] = clock.monotonic_ns()
        if number % ROUND == ROUND - 1:
            await asyncio.sleep(0)
            while ledger.waiting > AHEAD or device.outbox.backlog > BEHIND:
                await told.wait()
    await ledger.flush()
    while device.outbox.backlog:  # noqa: ASYNC110 - a receipt tells nobody but the outbox
        await asyncio.sleep(0.001)
    took_ns = clock.monotonic_ns() - began_ns
    watching.cancel()
    waits.sort()
    return {
        "results": count,
        "results_per_s": round(count / took_ns * 1e9),
        "insert_wait_ms": {"p50": _at(waits, 0.5), "p99": _at(waits, 0.99), "max": _at(waits, 1.0)},
        "loop_stall_ms": {"p99": _at(sorted(stall.seen), 0.99), "max": round(max(stall.seen, default=0.0), 2)},
        "rewinds": device.outbox.rewinds,
    }


def _committed(
    device: Device, waits: list[float], appended: dict[int, int], clock: SystemClock, told: _Told
) -> Callable[[int], None]:
    first = min(appended, default=device.ledger.head()[0] + 1)
    done = [first - 1]

    def committed(last_id: int) -> None:
        now_ns = clock.monotonic_ns()
        for id in range(done[0] + 1, last_id + 1):
            waits.append((now_ns - appended.pop(id, now_ns)) / 1e6)
        done[0] = last_id
        told.tell()
        device.outbox.on_commit(last_id)

    return committed


class _Told:
    """Wakes who waits for the next commit, or for 5 ms."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def tell(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        self._event.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout(0.005):
                await self._event.wait()


class _Stall:
    """How much later than asked for a task of the loop runs: ms."""

    def __init__(self, clock: SystemClock) -> None:
        self._clock = clock
        self.seen: list[float] = []

    async def watch(self) -> None:
        while True:
            began_ns = self._clock.monotonic_ns()
            await asyncio.sleep(0.001)
            self.seen.append((self._clock.monotonic_ns() - began_ns) / 1e6 - 1)


def _at(values: list[float], share: float) -> float:
    return round(values[min(len(values) - 1, int(len(values) * share))], 3) if values else 0.0


async def chaos(device: Device) -> None:
    """Make results until killed."""
    async with asyncio.TaskGroup() as group:
        await device.open(group)
        number = 0
        while True:
            for _ in range(20):
                number += 1
                device.ledger.append("decision", number, result(number), stream=True)
            device.ledger.append("event", number, b"not for the fleet")
            await device.ledger.flush()
            await asyncio.sleep(0.01)


async def drain(device: Device) -> None:
    """Make one result and wait until all are receipted."""
    async with asyncio.TaskGroup() as group:
        await device.open(group)
        device.ledger.append("decision", 0, result(0), stream=True)
        await device.ledger.flush()
        while device.outbox.backlog or not device.outbox.receipted:  # noqa: ASYNC110 - nothing tells of the last receipt
            await asyncio.sleep(0.05)
        raise SystemExit(0)


ROLES = {"bench": bench, "chaos": chaos, "drain": drain}


def main(words: list[str]) -> None:
    """Run as one of the roles."""
    role, state, port = words[:3]
    sys.setswitchinterval(SWITCH_S)
    device = Device(Path(state), int(port), Path(words[3]) if len(words) > 3 else None)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(ROLES[role](device))


if __name__ == "__main__":
    main(sys.argv[1:])
