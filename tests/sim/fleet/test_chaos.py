"""Kills at random between real processes and a broker that forgets: each durable result is counted once."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tiers import need

from ripieno.errors import BrokerError
from ripieno_sim.stage.fleet import mosquitto
from ripieno_sim.stage.fleet.bench import measure
from ripieno_sim.stage.fleet.bench_command import missed
from ripieno_sim.stage.fleet.chaos import Count, chaos, count


@pytest.mark.mosquitto
@pytest.mark.slow
def test_kills_lose_nothing_and_count_nothing_twice(tmp_path: Path) -> None:
    need("mosquitto")
    figures = asyncio.run(chaos(tmp_path, 12, 4, lambda _text: None))

    assert figures["kills"] >= 8 and figures["produced"] > 500, figures
    assert figures["counted"] == figures["produced"], figures
    assert (figures["lost"], figures["double_counted"], figures["strange"]) == (0, 0, 0), figures
    assert figures["ledger_is_whole"]


def databases(folder: Path, made: list[tuple[int, int]], has: list[tuple[int, int]]) -> Count:
    with sqlite3.connect(folder / "ledger") as ours:
        ours.execute("CREATE TABLE records (seq INTEGER, id INTEGER)")
        ours.executemany("INSERT INTO records VALUES (?, ?)", [*made, (None, 99)])
    with sqlite3.connect(folder / "results") as theirs:
        theirs.execute("CREATE TABLE rows (seq INTEGER, record_id INTEGER)")
        theirs.executemany("INSERT INTO rows VALUES (?, ?)", has)
    return count(folder / "ledger", folder / "results")


MADE = [(1, 10), (2, 12), (3, 13)]


@pytest.mark.parametrize(
    ("has", "found"),
    [
        (MADE, Count(3, 3, 0, 0, 0)),
        (MADE[:2], Count(3, 2, 1, 0, 0)),
        ([*MADE, (4, 13)], Count(3, 4, 0, 1, 1)),
        ([*MADE[:2], (3, 14)], Count(3, 3, 0, 0, 1)),
    ],
)
def test_the_count_sees_what_is_lost_doubled_or_strange(
    tmp_path: Path, has: list[tuple[int, int]], found: Count
) -> None:
    """Negative controls of the judge."""
    assert databases(tmp_path, MADE, has) == found


@pytest.mark.mosquitto
def test_the_bench_measures_all_that_it_promises(tmp_path: Path) -> None:
    need("mosquitto")
    figures = asyncio.run(measure(tmp_path, 1000, 20, lambda _text: None))

    assert figures["results"] == 1000 and figures["results_per_s"] > 0
    assert figures["insert_wait_ms"]["p99"] > 0 and figures["command_ms"]["p50"] > 0
    assert set(figures["cpu_us_per_result"]) == {"device", "consumer", "broker"}


def test_a_figure_that_misses_its_limit_is_named() -> None:
    figures = {
        "results_per_s": 9_000,
        "insert_wait_ms": {"p99": 20.0},
        "loop_stall_ms": {"max": 10.1},
        "command_ms": {"p50": 2.0, "p99": 10.0},
    }

    assert missed(figures) == [
        "results_per_s: 9000, wanted at least 10000",
        "loop_stall_ms.max: 10.1, wanted at most 10",
    ]


def test_a_broker_that_does_not_start_is_told_with_its_last_words(tmp_path: Path) -> None:
    need("mosquitto")
    config = tmp_path / "mosquitto.conf"
    config.write_text("nonsense true\n")

    with pytest.raises(BrokerError, match="nonsense"):
        asyncio.run(mosquitto.start(config, 1))
