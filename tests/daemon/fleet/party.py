"""A device or a consumer as a program of its own, over Mosquitto. It is there to be killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from daemon.fleet.plant import Device, Other

from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy


async def main(role: str, folder: Path, port: int, rows: int) -> None:
    clock, entropy, storage = SystemClock(), SystemEntropy(), DiskStorage(folder)
    name = "dev1" if role == "device" else "consumer"
    broker = MqttBroker(MqttSettings(host="127.0.0.1", port=port, client_id=name), clock, entropy)
    if role == "consumer":
        await Other(storage, broker, clock, entropy).start()
        await asyncio.Event().wait()
    device = Device(storage, broker, clock, entropy)
    await device.start()
    while rows > 0:
        await device.add(20)
        rows -= 20
        await asyncio.sleep(0.005)
    while device.outbox.backlog or not device.outbox.receipted:  # noqa: ASYNC110 - the end of a program, nothing to be told by
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
