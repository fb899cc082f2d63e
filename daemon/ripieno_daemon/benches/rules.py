"""What a rule, 300 rules on one input, and an event with its record cost, round by round beside a plain call."""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ripieno.engine import Engine, pack_event
from ripieno.rules import LiveRules, RuleSet, generate
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy

from .memory import of_fresh_process
from .plans import TWO_OPERANDS, device, many_inputs, readings, shared_input

WANTED = {"rule_us": 0.25, "evaluations_per_s_300": 1_000_000, "event_us": 60.0, "rss_mb_8000": 150.0}
"""Goals: at most, evaluations at least."""
RULES = 300
EVENTS_PER_COMMIT = 250  # what comes in one window of 250 ms at 1,000 events/s
GROUP_MS = 250
DICTIONARY = b"flow speed load good spindle0"
Shows = Callable[[str], None]


async def measure(folder: Path, rounds: int, calls: int, show: Shows) -> dict[str, Any]:
    """Return the figures.

    Args:
        folder: for the ledger.
        rounds: each measures everything once.
        calls: of one rule in each round; of what takes longer, fewer.
    """
    figures: dict[str, list[float]] = {}
    costs = Costs()
    async with _ledger(folder) as event:
        for number in range(rounds):
            show(f"round {number + 1} of {rounds}")
            plain_us = costs.plain(calls)
            found = {
                "plain_us": plain_us,
                "rule_us": costs.rule(calls),
                "evaluation_us": costs.alone(calls // 1_000),
                "engine_evaluation_us": costs.in_engine(calls // 4_000),
                "event_us": await event(max(1, calls // 50_000)),
            }
            for name, us in found.items():
                figures.setdefault(name, []).append(us)
                figures.setdefault(f"{name.removesuffix('_us')}_ratio", []).append(us / plain_us)
            await asyncio.sleep(0)
    middle = {name: statistics.median(values) for name, values in figures.items()}
    show("8,000 rules")
    few, many = (of_fresh_process(device(many_inputs(count)), folder) for count in (1, 8_000))
    return {
        "rounds": rounds,
        "plain_us": round(middle["plain_us"], 4),
        "rule_us": round(middle["rule_us"], 4),
        "rule_ratio": round(middle["rule_ratio"], 2),
        "evaluations_per_s_300": int(1e6 / middle["engine_evaluation_us"]),
        "evaluation_ratio_300": round(middle["engine_evaluation_ratio"], 2),
        "evaluations_per_s_300_without_engine": int(1e6 / middle["evaluation_us"]),
        "evaluation_ratio_300_without_engine": round(middle["evaluation_ratio"], 2),
        "event_us": round(middle["event_us"], 2),
        "event_ratio": round(middle["event_ratio"], 1),
        "events_per_commit": EVENTS_PER_COMMIT,
        "rss_mb_8000": many.rss_mb,
        "rss_mb_1": few.rss_mb,
        "rss_ratio_8000": round(many.rss_mb / few.rss_mb, 2),
        "peak_mb_8000": many.peak_mb,
        "build_s_8000": many.build_s,
    }


def missed(figures: dict[str, Any]) -> list[str]:
    """Return the figures that do not reach their goal, a line each."""
    found = []
    for name, goal in WANTED.items():
        at_least = name.startswith("evaluations")
        if figures[name] < goal if at_least else figures[name] > goal:
            found.append(f"{name}: {figures[name]:g}, wanted at {'least' if at_least else 'most'} {goal:g}")
    return found


class Costs:
    """CPU time of one call, in microseconds."""

    def __init__(self) -> None:
        self._two = generate(TWO_OPERANDS)
        pipeline = shared_input(RULES)
        self._live = LiveRules(RuleSet([rule.when for rule in pipeline.rules]))
        self._engine, self._came = Engine(pipeline), 0

    def plain(self, calls: int) -> float:
        """Return what a function of one argument costs that returns a constant."""
        return _each_us(_nothing, ["normal", 0.7], calls)

    def rule(self, calls: int) -> float:
        """Return what one generated condition of two operands costs; both are looked at."""
        return _each_us(self._two, ["normal", 0.7], calls)

    def alone(self, times: int) -> float:
        """Return what one of 300 rules costs when the operands of all have changed, without the engine."""
        live = self._live
        began_ns = time.process_time_ns()
        for number in range(times):
            live.put(0, float(number % RULES))
            live.put(1, 200.0 + number % RULES)
            live.settle()
        return (time.process_time_ns() - began_ns) / 1e3 / times / RULES

    def in_engine(self, times: int) -> float:
        """Return what one of 300 rules costs of a step with a reading that all of them read, and of the deadline."""
        events = readings(max(times, 1), first=self._came)
        self._came += len(events)
        step, next_deadline = self._engine.step, self._engine.next_deadline
        began_ns = time.process_time_ns()
        for event in events:
            step(event)
            next_deadline()
        return (time.process_time_ns() - began_ns) / 1e3 / len(events) / RULES


class _ledger:
    """A real ledger with group commit, and an engine with one rule, as long as the block lasts."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._engine, self._came = folder, Engine(shared_input(1)), 0

    async def __aenter__(self) -> Callable[[int], Any]:
        database = DiskStorage(self._folder).database("ledger.db")
        self._ledger = await Ledger.open(
            database, SystemClock(), SystemEntropy(), group_ms=GROUP_MS, dictionary=DICTIONARY
        )
        self._task = asyncio.create_task(self._ledger.run(), name="ledger")
        return self._event

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self._ledger.close()

    async def _event(self, commits: int) -> float:
        """Return what an event costs in all threads: step, deadline, record, and its share of a durable commit."""
        events = readings(commits * EVENTS_PER_COMMIT, first=self._came)
        self._came += len(events)
        engine, append = self._engine, self._ledger.append
        began_ns = time.process_time_ns()
        for at in range(0, len(events), EVENTS_PER_COMMIT):
            for event in events[at : at + EVENTS_PER_COMMIT]:
                engine.step(event)
                append("event", event.t, pack_event(event))
                engine.next_deadline()
            await self._ledger.flush()
        return (time.process_time_ns() - began_ns) / 1e3 / len(events)


def _each_us(function: Callable[[Any], Any], argument: Any, calls: int) -> float:
    began_ns = time.process_time_ns()
    for _ in range(calls):
        function(argument)
    return (time.process_time_ns() - began_ns) / 1e3 / calls


def _nothing(values: Any) -> Any:
    return None
