"""One device of a fleet, from its first order to its last (stage.py runs it).

While parts are under way the operator pushes releases (a good one, one that the self-test refuses, one that only the
line finds out, one that is taken back), changes a setting and stops the line, and a person at the device lets it go on.
Then every part is looked for: in the plant, in the device's ledger, in the consumer's database.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.console import Pushing
from ripieno_daemon.console.releases import told_of
from ripieno_daemon.inquiry import opened, replay
from ripieno_daemon.ledger import Ledger, verify
from ripieno_daemon.ports import DiskStorage, SystemClock, SystemEntropy
from ripieno_daemon.trust.founding import FleetFolder
from ripieno_sim.plant.parts import Part

from ..report import Told
from . import mosquitto
from .chaos import count
from .releases import NAME, Releases, make_releases
from .stage import DEVICE, WAITS_S, DemoFailed, Stage, stage_of

SETTING, STRICTER = "quality-control.pass.look.score", 0.7
TRIAL = "{results: 100, soak: 2s}"
"""A third of the usual results, so that a demo ends: stands in its device file as on any device."""
ENDLESS = 100_000
HISTORY = 100  # results of the release before: fewer would tell less
LONGEST_UPDATE_S = 150.0
BELT_S = 1.0
"""A part that was under way when outputs were held has reached its bin by then; the next ones are watched."""


async def demo(folder: Path, parts: int, seed: int, progress: Callable[[str], None]) -> dict[str, Any]:
    """Return the figures; everything stays in `folder`.

    Raises:
        BrokerError: Mosquitto is not installed, or does not start.
        DemoFailed: an order was not done, or a process does not do its part.
    """
    progress("releases are made and signed")
    (folder / "releases").mkdir()
    made: list[Releases] = []

    async def deliver(fleet: FleetFolder) -> PackedBundle:
        made.append(await make_releases(folder / "releases", fleet.signer("operator")))
        return made[0].factory

    async with stage_of(folder, ENDLESS, seed, progress, deliver, TRIAL) as stage:
        releases = made[0]
        progress("the belt starts")
        stage.start_belt()
        plant = stage.rig.plant
        await stage.until(lambda: len(plant.parts) >= HISTORY, "parts to compare with")
        progress("a good release")
        updated = await _push(stage, releases.good)
        progress("a release that its self-test refuses")
        refused = await _push(stage, releases.refused)
        progress("a release that only the line finds out")
        reverted = await _push(stage, releases.worse)
        progress("a release that is taken back")
        cancelled = await take_back(stage, releases.last)
        progress("a signed change of a setting")
        setting = await change_setting(stage)
        progress("a signed stop")
        stop = await _stop(stage)
        progress("a person at the device lets it go on")
        rearmed = await _rearm(stage)
        progress("the last parts")
        await stage.until(lambda: len(plant.parts) >= parts, "the parts that were asked for", WAITS_S + parts)
        await stage.end_belt()
        status = await _all_receipted(stage)
        runs = told_of(stage.console.seen[DEVICE].state, NAME)["confirmed"] == releases.good.release.digest
        stage.daemon.terminate()
        code = await stage.daemon.wait()
        if code:
            raise DemoFailed(f"the daemon ended with status {code}:\n" + "\n".join(stage.words))
        missing = await unaccounted(stage.state, plant.parts)
    counted = count(stage.state / "ledger.sqlite", folder / "results.sqlite")
    with opened(stage.state) as past:
        again = replay(past)
    return {
        "seed": seed,
        "parts": len(plant.parts),
        "trial": TRIAL,
        "updated": updated["ended"] == "confirmed",
        "refused": refused["ended"] == "refused",
        "reverted": reverted["ended"] == "reverted",
        "cancelled": cancelled["ended"] == "cancelled",
        "updates": {"good": updated, "refused": refused, "worse": reverted, "taken back": cancelled},
        "runs": runs,
        "back_ms": _back_ms(stage),
        "setting": setting,
        **stop,
        **rearmed,
        **status,
        "results": {
            "produced": counted.produced,
            "counted": counted.counted,
            "lost": counted.lost,
            "duplicated": counted.double_counted,
            "strange": counted.strange,
        },
        "parts_unaccounted": missing,
        "replay": {"decisions": again["decisions"], "mismatches": again["mismatches"]},
        "ledger_is_whole": verify(stage.state / "ledger.sqlite").is_whole,
        "broker": await mosquitto.version(),
    }


async def _push(stage: Stage, bundle: PackedBundle) -> dict[str, Any]:
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    try:
        async with asyncio.timeout(LONGEST_UPDATE_S):
            end = await stage.push(bundle)
    except TimeoutError:
        raise stage.failed(f"the update to {bundle.release.version} has no end", LONGEST_UPDATE_S) from None
    return {
        "release": bundle.release.digest[:16],
        "version": bundle.release.version,
        "ended": end.what,
        "why": end.why,
        "s": round((clock.monotonic_ns() - began_ns) / 1e9, 1),
    }


def _back_ms(stage: Stage) -> int | None:
    """Return how long after the verdict on the bad release the one before decided again, as the daemon tells it."""
    at = {one["event"]: one["ms"] for one in stage.heard if "given up" in one["text"] or "reverted: " in one["text"]}
    return int(at["update"] - at["verdict"]) if {"update", "verdict"} <= at.keys() else None


async def take_back(stage: Stage, bundle: PackedBundle) -> dict[str, Any]:
    """Apply a release whose pieces nobody hands out (the operator's link is cut), and cancel it."""
    pushing = Pushing(stage.console, SystemClock(), DEVICE, bundle)
    async with stage.hatch.open(stage.console, bundle):
        plan = str((await pushing.plan())["plan"])
    await pushing.apply(plan)
    await stage.until(lambda: told_of(stage.console.seen[DEVICE].state, NAME).get("phase") == "pulling", "a pull")
    await stage.order("cancel", id=bytes.fromhex(bundle.release.digest))
    end = await pushing.watch(lambda _text: None)
    return {"release": bundle.release.digest[:16], "version": bundle.release.version, "ended": end.what, "why": end.why}


async def change_setting(stage: Stage) -> dict[str, Any]:
    """Make the threshold of the line's first rule stricter, as a document of the twin, and wait for the report."""
    clock, console = SystemClock(), stage.console
    await stage.until(lambda: bool(console.seen[DEVICE].report), "a report of the settings")
    report = console.seen[DEVICE].report
    before, rev = report["effective"], int(report["rev"]) + 1
    began_ns = clock.monotonic_ns()
    await console.desire(DEVICE, {**before, SETTING: STRICTER}, rev)
    await stage.until(
        lambda: console.seen[DEVICE].report["rev"] == rev and console.seen[DEVICE].report["status"] != "pending",
        "the report of the changed setting",
    )
    told = console.seen[DEVICE].report
    if told["status"] != "applied" or told["effective"][SETTING] != STRICTER:
        raise DemoFailed(f"the setting was not changed: {told['status']}: {dict(told['reasons'])}")
    took_ms = round((clock.monotonic_ns() - began_ns) / 1e6, 1)
    return {"name": SETTING, "from": before[SETTING], "to": STRICTER, "rev": rev, "ms": took_ms}


async def _stop(stage: Stage) -> dict[str, Any]:
    """Stop the line; `stop_ms`: from the order until its answer, before which the outputs were told."""
    clock = SystemClock()
    began_ns = clock.monotonic_ns()
    await stage.order("stop")
    took_ms = (clock.monotonic_ns() - began_ns) / 1e6
    await asyncio.sleep(BELT_S)  # a pulse that had begun ends by its own span
    held, passing = stage.openings, len(stage.rig.plant.parts)
    await stage.until(lambda: len(stage.rig.plant.parts) >= passing + 5, "five more parts while it is stopped")
    return {"stop_ms": round(took_ms, 1), "stopped": stage.told_stopped, "opened_while_stopped": stage.openings - held}


async def _rearm(stage: Stage) -> dict[str, Any]:
    before = stage.openings
    await stage.rearm()
    await stage.until(lambda: stage.openings > before, "a part that is let through after the stop")
    await stage.until(lambda: not stage.told_stopped, "the end of the stop is told")
    return {"cleared_at_the_device": True}


async def _all_receipted(stage: Stage) -> dict[str, Any]:
    """Wait until the consumer has what the device has, and return what the device's status says then."""
    for _ in range(int(WAITS_S)):
        await asyncio.sleep(BELT_S)
        result = (await stage.order("status"))["result"]
        if result["outbox"]["backlog"] <= 1:  # the record of the last answer
            break
    else:
        raise DemoFailed("results wait on the device, and no receipt comes:\n" + "\n".join(stage.words))
    return {"decides_by": result["decides_by"], "memory_kb": result["memory_bytes"] // 1024}


async def unaccounted(state: Path, parts: list[Part]) -> int:
    """Return how many parts have no end in the plant, or no decision in the ledger."""
    told = Told()
    ledger = await Ledger.open(DiskStorage(state).database("ledger.sqlite"), SystemClock(), SystemEntropy())
    async for record in ledger.records():
        told.take(record)
    await ledger.close()
    return sum(part.end is None or part.index not in told.verdicts for part in parts)
