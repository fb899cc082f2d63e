"""Device, consumer and a broker that keeps nothing are killed at random: no durable row is lost or counted twice."""

from __future__ import annotations

import os
import random
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest
from daemon.fleet.brokers import MOSQUITTO, free_port, start_mosquitto

from ripieno_daemon.ledger import verify

PARTY = Path(__file__).with_name("party.py")
KILLS = 12


def start(role: str, folder: Path, port: int, rows: int) -> subprocess.Popen[bytes]:
    path = os.pathsep.join(each for each in sys.path if each)
    return subprocess.Popen(
        [sys.executable, str(PARTY), role, str(folder / role), str(port), str(rows)],
        env={**os.environ, "PYTHONPATH": path},
    )


def column(path: Path, sql: str) -> list[int]:
    with sqlite3.connect(path) as connection:
        return [value for (value,) in connection.execute(sql)]


@pytest.mark.mosquitto
@pytest.mark.slow
@pytest.mark.skipif(MOSQUITTO is None, reason="no mosquitto on this machine")
def test_kills_of_device_consumer_and_broker_lose_and_double_nothing(tmp_path: Path) -> None:
    chance, port = random.Random(7), free_port()
    broker = start_mosquitto(tmp_path, port)
    parties = {role: start(role, tmp_path, port, 100_000) for role in ("device", "consumer")}
    try:
        for _ in range(KILLS):
            time.sleep(chance.uniform(0.3, 0.9))  # real processes have no clock that could jump
            victim = chance.choice(["device", "consumer", "broker"])
            if victim == "broker":
                broker.kill()
                broker.wait()
                broker = start_mosquitto(tmp_path, port)
            else:
                parties[victim].kill()
                parties[victim].wait()
                parties[victim] = start(victim, tmp_path, port, 100_000)
        parties["device"].kill()
        parties["device"].wait()
        parties["device"] = start("device", tmp_path, port, 20)
        assert parties["device"].wait(60) == 0, "what was durable did not come to a receipt"
    finally:
        for process in (*parties.values(), broker):
            process.kill()
            process.wait()

    durable = column(tmp_path / "device" / "device.sqlite", "SELECT id FROM records WHERE seq IS NOT NULL ORDER BY seq")
    has = column(tmp_path / "consumer" / "consumer.sqlite", "SELECT record_id FROM rows ORDER BY seq")
    assert len(durable) > 100
    assert has == durable
    assert verify(tmp_path / "device" / "device.sqlite").is_whole
