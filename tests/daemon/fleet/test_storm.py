"""Five hundred devices lose their broker at once: what it hears of them while it is away, and when it is back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from ripieno_daemon.fleet.broker_mqtt import MqttBroker, MqttSettings
from ripieno_daemon.ports import SystemClock
from ripieno_sim.stage.ports import SeededEntropy

DEVICES = 500
AWAY_S = 180.0


def tries(wait_s: Callable[[int, int], float]) -> tuple[Counter[int], Counter[int]]:
    """Return how many tries there were in each second, and how many connects in each second since the return.

    Args:
        wait_s: before the next try, of a device (its number) after so many failures.
    """
    asked: Counter[int] = Counter()
    connected: Counter[int] = Counter()
    for device in range(DEVICES):
        at_s, failures = 0.0, 1
        while True:
            at_s += wait_s(device, failures)
            asked[int(at_s)] += 1
            if at_s >= AWAY_S:
                connected[int(at_s - AWAY_S)] += 1
                break
            failures += 1
    return asked, connected


def test_reconnects_of_a_fleet_are_spread_over_a_minute() -> None:
    clients = [
        MqttBroker(MqttSettings(host="x", client_id=f"line-{number}"), SystemClock(), SeededEntropy(9, f"{number}"))
        for number in range(DEVICES)
    ]
    asked, connected = tries(lambda device, failures: clients[device]._backoff_s(failures))

    assert sum(connected.values()) == DEVICES and max(connected) <= 60
    assert max(connected.values()) <= 40, "a broker takes some hundred connections a second, with TLS"
    assert max(asked[second] for second in range(30, int(AWAY_S))) <= 60, "while it is away, too"


def test_without_jitter_they_would_all_come_at_once() -> None:
    """Negative control: the same ladder, each device like every other."""
    _, connected = tries(lambda device, failures: min(60.0, 2.0 ** min(failures - 1, 16)))

    assert max(connected.values()) == DEVICES
