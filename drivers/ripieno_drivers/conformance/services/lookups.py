"""Checks of who looks records up: the right record, none, or a failure with its reason; never another's."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final

from ripieno.values import Health, Record

from ..report import CheckReport
from .trouble import FAULTS, NEVER
from .world import ServiceWorld

INSTANTS_S: Final = (0.0, 0.002, 0.004, 0.006, 0.008, 0.011, 0.015, 0.03, 0.2)
LONGEST_S: Final = 15.0
MISSING: Final = "no-such-key"
ODD_KEYS: Final[tuple[Any, ...]] = (
    *("", " ", ".", "..", "../..", "a/b", "%2e%2e", "'", '" OR 1=1 --', "\x00", "\n", "\ud800", "ü", "x" * 10_000),
    *(float("nan"), float("inf"), 1e300, -0.0, 2.0**70),
)


async def found_and_not(world: ServiceWorld, found: CheckReport) -> None:
    """Every record that the service has, one that it has not, and a key with two."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for input, records in world.service.records.items():
        for key, wanted in records.items():
            await _hold(world, found, input, key, wanted)
        await _hold(world, found, input, MISSING, {})
        for key in ODD_KEYS:
            record, wrong = await _look(world, input, key)
            if wrong or (record is not None and record.found and key not in records):
                found.problems.append(f"the key {key!r:.40}: {wrong or 'a record was found that nobody has'}")
            found.figures["odd keys"] += 1


async def at_once(world: ServiceWorld, found: CheckReport) -> None:
    """Many look-ups at once, a third of them cancelled at any instant: nobody gets another's record."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for input, records in world.service.records.items():
        known = [key for key, wanted in records.items() if wanted]
        for at_s in INSTANTS_S:
            keys = [known[number % len(known)] for number in range(30)]
            looks = [asyncio.create_task(world.device.look(input, key), name="look") for key in keys]
            await asyncio.sleep(at_s)
            for look in looks[::3]:
                look.cancel()
            await asyncio.wait(looks, timeout=LONGEST_S)
            for key, look in zip(keys, looks, strict=True):
                if not look.done():
                    look.cancel()
                    found.problems.append(f"a look-up has no answer after {LONGEST_S:g} s")
                elif not look.cancelled() and (wrong := _wrong(look.result(), records[key])):
                    found.problems.append(f"30 at once, some cancelled after {at_s * 1000:g} ms: {wrong}")
            for key in known:
                await _hold(world, found, input, key, records[key])
            found.figures["instants"] += 1
            if found.problems:
                return


async def away(world: ServiceWorld, found: CheckReport) -> None:
    """The service is away for 30 s: each look-up fails with a reason, in time; it is well again by itself."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    world.trouble.away = True
    for input, records in world.service.records.items():
        for _ in range(30):
            record, wrong = await _look(world, input, next(iter(records)))
            if wrong or record is None or record.health is not Health.FAILED or not record.why:
                found.problems.append(f"nobody is reached: {wrong or record}; FAILED with its reason is expected")
                return
            await asyncio.sleep(1)
    if world.is_up():
        found.problems.append("nobody was reached for 30 s, and DeviceDown was not reported")
    world.trouble.away = False
    if not await world.until(world.is_up, 20):
        found.problems.append("it is not up 20 s after the service is back")
        return
    for input, records in world.service.records.items():
        for key, wanted in records.items():
            await _hold(world, found, input, key, wanted)


async def fault(world: ServiceWorld, found: CheckReport, kind: str) -> None:
    """A look-up is struck: it fails with a reason or is right; the next one is right."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for input, records in world.service.records.items():
        for key, wanted in records.items():
            world.trouble.arm(kind)
            record, wrong = await _look(world, input, key)
            found.figures["struck"] += world.trouble.struck
            if not wrong and record is not None and not (record.health is Health.FAILED and record.why):
                wrong = _wrong(record, wanted)
            world.trouble.arm("")
            if not wrong and not await world.until(world.is_up, 20):
                wrong = "it is not up again"
            if wrong:
                found.problems.append(f"{kind} ({FAULTS[kind]}): {wrong}")
                return
            other = list(records)[-1]
            await _hold(world, found, input, other, records[other])
            if found.problems:
                return
    if not found.figures["struck"]:
        found.skipped = NEVER


async def _hold(
    world: ServiceWorld, found: CheckReport, input: str, key: Any, wanted: Mapping[str, object] | None
) -> None:
    record, wrong = await _look(world, input, key)
    wrong = wrong or _wrong(record, wanted)
    if wrong:
        found.problems.append(f"{input} under {key!r}: {wrong}")


async def _look(world: ServiceWorld, input: str, key: Any) -> tuple[Record | None, str]:
    try:
        async with asyncio.timeout(LONGEST_S):
            return await world.device.look(input, key), ""
    except TimeoutError:
        return None, f"no answer after {LONGEST_S:g} s"
    except Exception as error:  # whatever it raises is the finding
        return None, f"look() raised {type(error).__name__} ({error}); a Record of FAILED health is expected"


def _wrong(record: Record | None, wanted: Mapping[str, object] | None) -> str:
    """Hold a record against what the service has: a mapping, {} for none, None for two."""
    if wanted is None:
        is_failed = record is not None and record.health is Health.FAILED and not record.found and record.why
        return "" if is_failed else f"two records are there, and {record} came; FAILED is expected"
    right = Record(bool(wanted), dict(wanted))
    return "" if record == right else f"{record} came, {right} is there"
