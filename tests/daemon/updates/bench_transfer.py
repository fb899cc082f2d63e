"""What a 20 MB update costs a link of 1 MB/s; with --mb and --rate another.

    .venv/bin/python tests/daemon/updates/bench_transfer.py

A real Mosquitto, a proxy that lets so many bytes a second through each way, and the device as a process of its own that
is killed once in the middle. While it pulls, a small message goes to it and back ten times a second: what a stop
command would wait. Prints one JSON object; nothing is asserted.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[2]))

from daemon.fleet.brokers import free_port, start_mosquitto

from ripieno_daemon.bundles.packed_file import PackedBundle, open_packed, parse_head, write_packed
from ripieno_daemon.bundles.release import PackedFile, Release, chunk_digests, parse_index
from ripieno_daemon.fleet import Sender, Topics, decode
from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings
from ripieno_daemon.ports import SystemClock, SystemEntropy
from ripieno_daemon.ports.own_process import resident_bytes
from ripieno_daemon.ports.thread import OwnThread
from ripieno_daemon.ports.update_disk import FolderDisk
from ripieno_daemon.updates.over_broker import asking, serve, take_piece
from ripieno_daemon.updates.store import Store
from ripieno_daemon.updates.transfer import Transfer

FLEET, DEVICE = "plant", "line-1"
BURST_S = 0.02


def made(folder: Path, megabytes: float) -> PackedBundle:
    """A packed file of random content: only its transfer is looked at here."""
    content = random.Random(1).randbytes(int(megabytes * 1e6))
    manifest = b"{}"
    files = (
        PackedFile("manifest.json", len(manifest), chunk_digests(manifest)),
        PackedFile("model.tflite", len(content), chunk_digests(content)),
    )
    release = Release("bench", "1.0.0", 1, 0.0, files)
    held = {
        chunk: (manifest if path == "manifest.json" else content)[at : at + size]
        for chunk, path, at, size in release.places()
    }
    write_packed(folder / "bench.bundle", release, {}, held.__getitem__)
    return open_packed(folder / "bench.bundle")


async def device(port: int, folder: Path, head: str, size: int) -> None:
    """The device's process: pulls, answers small messages at once, says how it is doing on stdout."""
    clock, entropy = SystemClock(), SystemEntropy()
    sender, topics = Sender(DEVICE, 1, clock, entropy), Topics(FLEET, DEVICE)
    broker = MqttBroker(MqttSettings(host="127.0.0.1", port=port, client_id=DEVICE), clock, entropy)
    store, thread, up = Store(FolderDisk(folder), "bench"), OwnThread("updates"), asyncio.Event()
    transfer = Transfer(asking(broker, topics, sender), thread.run, clock)
    answers: set[asyncio.Task[None]] = set()

    def take(topic: str, payload: bytes, ack: Any) -> None:
        if topic == topics.chunks:
            take_piece(transfer, payload, ack)
            return
        ack()
        if not up.is_set():
            return  # it lay at the broker while this process was dead
        task = asyncio.ensure_future(
            broker.publish(topics.answers, sender.wrap("answer", {"at": decode(payload).body["at"]}))
        )
        answers.add(task)
        task.add_done_callback(answers.discard)

    def say(what: str) -> None:
        print(
            json.dumps(
                {
                    "what": what,
                    "rss": resident_bytes(),
                    "bytes": transfer.counts["bytes"],
                    "window": transfer.window.chunks,
                }
            ),
            flush=True,
        )

    linked = asyncio.create_task(broker.run([topics.chunks, topics.commands], take, up.set, lambda _why: None))
    await up.wait()
    say("begun")

    async def telling() -> None:
        while True:
            await asyncio.sleep(0.1)
            say("pulls")

    tells = asyncio.create_task(telling())
    packed_head = await transfer.head(head, size)
    release = parse_index(parse_head(packed_head).payload)
    await thread.run(lambda: store.begin(packed_head, release))
    await transfer.chunks(release, store)
    say("whole")
    await thread.run(lambda: store.finish(release))
    say("done")
    tells.cancel()
    linked.cancel()


async def proxy(port: int, target: int, rate: int) -> asyncio.Server:
    """Let `rate` bytes a second through each way, with small socket buffers, as a slow link has."""

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        free_s = time.monotonic()
        try:
            while data := await reader.read(4096):
                free_s = max(free_s, time.monotonic() - BURST_S) + len(data) / rate
                if (wait_s := free_s - time.monotonic()) > 0:
                    await asyncio.sleep(wait_s)
                writer.write(data)
                await writer.drain()
        except (ConnectionError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    async def joined(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", target, limit=8192)
        for one in (writer, there_writer):
            one.transport.set_write_buffer_limits(8192)
        await asyncio.gather(pump(reader, there_writer), pump(there_reader, writer))

    return await asyncio.start_server(joined, "127.0.0.1", port, limit=8192)


async def bench(megabytes: float, rate: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        bundle, direct, slow = made(folder, megabytes), free_port(), free_port()
        mosquitto = start_mosquitto(folder, direct)
        server = await proxy(slow, direct, rate)
        clock, entropy = SystemClock(), SystemEntropy()
        console = MqttBroker(MqttSettings(host="127.0.0.1", port=direct, client_id="console-1"), clock, entropy)
        operator = MqttBroker(MqttSettings(host="127.0.0.1", port=direct, client_id="console-2"), clock, entropy)
        sender, topics, up = Sender("console-2", 1, clock, entropy), Topics(FLEET, DEVICE), asyncio.Event()
        trips: list[float] = []
        served: Counter[str] = Counter()

        def answered(_topic: str, payload: bytes, ack: Any) -> None:
            ack()
            trips.append((clock.monotonic_ns() - decode(payload).body["at"]) / 1e6)

        tasks = [
            asyncio.create_task(serve(console, FLEET, Sender("console-1", 1, clock, entropy), [bundle], served)),
            asyncio.create_task(operator.run([topics.answers], answered, up.set, lambda _why: None)),
        ]
        await up.wait()
        first = await _run(folder, slow, bundle, kill_at=0.5)
        commanding = asyncio.create_task(_command(operator, topics, sender, clock))
        second = await _run(folder, slow, bundle, kill_at=None)
        at_s = {told["what"]: told["at_s"] for told in second}
        took_s = at_s["whole"] - at_s["begun"]
        for task in (*tasks, commanding):
            task.cancel()
        await asyncio.gather(*tasks, commanding, return_exceptions=True)
        server.close()
        mosquitto.kill()
        mosquitto.wait()
        ordered = sorted(trips)
        whole = sum(bundle.release.chunks.values())
        pulled = [told["bytes"] for told in (first[-1], second[-1])]
        return {
            "bytes": whole,
            "rate_bytes_per_s": rate,
            "killed_after_bytes": pulled[0],
            "fetched_after_kill_bytes": pulled[1],
            "refetched_bytes": served["bytes"] - 2 * len(bundle.head) - whole,
            "in_flight_at_kill_bytes_at_most": first[-1]["window"] * 32768,
            "link_use": round(pulled[1] / took_s / rate, 3),
            "stop_ms": {
                "count": len(ordered),
                "p50": _at(ordered, 0.5),
                "p99": _at(ordered, 0.99),
                "max": _at(ordered, 1),
            },
            "rss_growth_bytes": max(told["rss"] for told in second) - second[0]["rss"],
            "window_chunks": sorted({told["window"] for told in second}),
        }


def _at(ordered: list[float], share: float) -> float | None:
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 1) if ordered else None


async def _command(operator: MqttBroker, topics: Topics, sender: Sender, clock: SystemClock) -> None:
    await asyncio.sleep(1.0)
    while True:
        await operator.publish(topics.commands, sender.wrap("cmd", {"at": clock.monotonic_ns()}))
        await asyncio.sleep(0.1)


async def _run(folder: Path, port: int, bundle: PackedBundle, kill_at: float | None) -> list[dict[str, Any]]:
    words = [
        sys.executable,
        __file__,
        "--device",
        str(port),
        str(folder / "device"),
        bundle.release.digest,
        str(len(bundle.head)),
    ]
    child = await asyncio.create_subprocess_exec(*words, stdout=asyncio.subprocess.PIPE)
    assert child.stdout is not None
    told: list[dict[str, Any]] = []
    async for line in child.stdout:
        told.append({**json.loads(line), "at_s": time.monotonic()})
        if kill_at is not None and told[-1]["bytes"] > kill_at * sum(bundle.release.chunks.values()):
            os.kill(child.pid, signal.SIGKILL)
            break
    await child.wait()
    return told


if __name__ == "__main__":
    if sys.argv[1:2] == ["--device"]:
        asyncio.run(device(int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5])))
    else:
        parser = argparse.ArgumentParser()
        parser.add_argument("--mb", type=float, default=20)
        parser.add_argument("--rate", type=int, default=1_000_000)
        words = parser.parse_args()
        print(json.dumps(asyncio.run(bench(words.mb, words.rate)), indent=2))
