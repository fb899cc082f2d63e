"""A program that fills a ledger and a file of intents and tells, line by line, what is durable.

It is there to be killed.
"""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import sys
from pathlib import Path

from ripieno.contracts.driver import Intent
from ripieno.errors import StorageError
from ripieno.values import Act
from ripieno_daemon.ledger import IntentFile, Ledger
from ripieno_daemon.ledger.intents import FILE_BYTES
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy


def tell(text: str) -> None:
    os.write(1, text.encode() + b"\n")


async def write(folder: Path, batches: int) -> None:
    storage = DiskStorage(folder)
    intents = IntentFile(storage.append_file("intents", FILE_BYTES))
    ledger = await Ledger.open(storage.database("ledger"), SystemClock(), SystemEntropy(), group_ms=1)
    writer = asyncio.create_task(ledger.run(), name="ledger")
    for _ in range(batches):
        try:
            number = intents.highest("board") + 1
            intent = Intent(Act(f"part-{number}", "gate", 0), "board", number, 1, 2)
            await intents.write(intent)
            tell(f"intent {number}")
            for _ in range(7):
                last = ledger.append("decision", 1, b"a decision and why it was taken" * 4, stream=True)
            ledger.save_snapshot(b"state" * 30, last)
            await ledger.flush()
            tell(f"record {last}")
            intents.settle(intent)
        except StorageError as error:
            tell(f"refused {error}")
            break
    writer.cancel()
    await asyncio.gather(writer, return_exceptions=True)
    try:
        await ledger.close()
    except StorageError as error:
        tell(f"refused {error}")
    tell("end")


if __name__ == "__main__":
    if len(sys.argv) > 3:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # a write above the limit then fails with EFBIG
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), int(sys.argv[3])))
    asyncio.run(write(Path(sys.argv[1]), int(sys.argv[2])))
