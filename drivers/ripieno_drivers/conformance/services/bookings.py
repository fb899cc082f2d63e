"""Checks of who books: one effect for each act, whatever breaks, is asked twice, is cancelled or killed."""

from __future__ import annotations

import asyncio
from typing import Final

from ripieno.errors import LinkDown

from ..report import CheckReport
from .trouble import FAULTS, NEVER
from .world import BOOKED_S, ServiceWorld

INSTANTS_S: Final = (0.0, 0.002, 0.004, 0.006, 0.008, 0.011, 0.015, 0.03, 0.2, 1.0)
EXCHANGES: Final = 3
MANY: Final = 300
AWAY_S: Final = 30.0


async def booked(world: ServiceWorld, found: CheckReport) -> None:
    """Twenty acts of each output, one after the other and all at once."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for output in world.outputs:
        for _ in range(20):
            if wrong := await world.judged(world.booking(output)):
                found.problems.append(wrong)
                return
        many = [world.booking(output) for _ in range(20)]
        wrongs = await asyncio.gather(*(world.judged(one) for one in many))
        found.problems += [wrong for wrong in wrongs if wrong][:3]
        found.figures["booked"] += 40


async def asked_twice(world: ServiceWorld, found: CheckReport) -> None:
    """The same act at once, again, and by the next process of the driver."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for output in world.outputs:
        booking = world.booking(output)
        wrongs = list(await asyncio.gather(*(world.judged(booking) for _ in range(3))))
        wrongs.append(await world.judged(booking))
        await world.restart()
        wrongs.append(await world.judged(booking))
        found.problems += [f"asked {number + 1} times: {wrong}" for number, wrong in enumerate(wrongs) if wrong][:1]
        found.figures["asked"] += len(wrongs)


async def fault(world: ServiceWorld, found: CheckReport, kind: str) -> None:
    """The fault strikes the first exchange of a booking, then the second, until one ends without it."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for output in world.outputs:
        for at in range(EXCHANGES):
            world.trouble.arm(kind, at)
            wrong = await world.judged(world.booking(output))
            if not world.trouble.struck:
                break
            found.figures["struck"] += 1
            world.trouble.arm("")
            wrong = wrong or await world.judged(world.booking(output))
            if wrong:
                found.problems.append(f"{kind} (exchange {at + 1}: {FAULTS[kind]}): {wrong}")
                return
    world.trouble.arm("")
    if not found.figures["struck"]:
        found.skipped = NEVER


async def cancelled(world: ServiceWorld, found: CheckReport) -> None:
    """A caller is cancelled at any instant, or the process is killed; asked again, there is one effect."""
    for killed in (False, True):
        for at_s in INSTANTS_S:
            for output in world.outputs:
                if world.task is None and (wrong := await world.up()):
                    found.problems.append(wrong)
                    return
                booking, other = world.booking(output), world.booking(output)
                asking = asyncio.create_task(world.device.book(booking), name="book")
                beside = asyncio.create_task(world.device.book(other), name="book beside")
                await asyncio.sleep(at_s)
                if killed:
                    await world.restart()
                else:
                    asking.cancel()
                await asyncio.wait({asking, beside}, timeout=BOOKED_S if not killed else 2)
                if not asking.done() or not beside.done():
                    asking.cancel()
                    beside.cancel()
                    found.problems.append(
                        "a caller of book() waits for ever after run() has ended; LinkDown should be raised"
                        if killed
                        else "a cancelled book() does not end, or keeps another waiting"
                    )
                    return
                _forget(asking, beside)
                wrong = await world.judged(booking) or await world.judged(other)
                found.figures["instants"] += 1
                if wrong:
                    what = "killed" if killed else "its caller cancelled"
                    found.problems.append(f"{what} after {at_s * 1000:g} ms: {wrong}")
                    return


async def closed(world: ServiceWorld, found: CheckReport) -> None:
    """Who waits for a service that is away is told when the device ends: the next one will be asked."""
    for output in world.outputs:
        for at_s in INSTANTS_S:  # in mid-connection, too
            world.start()
            waiting = asyncio.create_task(world.device.book(world.booking(output)), name="book")
            await asyncio.sleep(at_s)
            await world.stop()
            await asyncio.wait({waiting}, timeout=2)
            await asyncio.sleep(1)
            waiting.cancel()
            _forget(*(await asyncio.wait({waiting}, timeout=2))[0])
            if world.outside.opened:
                found.problems.append(f"ended {at_s * 1000:g} ms after a booking, it has something open afterwards")
                return
            world.make()
    world.trouble.away = True
    world.start()
    await world.until(lambda: False, 2)
    for output in world.outputs:
        waiting = asyncio.create_task(world.device.book(world.booking(output)), name="book")
        await asyncio.sleep(1)
        await world.stop()
        await asyncio.wait({waiting}, timeout=2)
        if not waiting.done():
            waiting.cancel()
            found.problems.append("a caller of book() waits for ever after run() has ended; LinkDown should be raised")
        elif not isinstance(waiting.exception(), LinkDown):
            found.problems.append(f"book() ends with {waiting.exception()!r} after run(); LinkDown is expected")
        world.make()
        world.start()


async def away(world: ServiceWorld, found: CheckReport) -> None:
    """The service is away for 30 s while 300 bookings are wanted: each is there in the end, once."""
    if wrong := await world.up():
        found.problems.append(wrong)
        return
    for output in world.outputs:
        world.trouble.away, world.trouble.attempts = True, 0
        bookings = [world.booking(output) for _ in range(MANY)]
        asking = [asyncio.create_task(world.device.book(one), name="book") for one in bookings]
        await asyncio.sleep(AWAY_S)
        found.figures["attempts in 30 s"] = max(found.figures["attempts in 30 s"], world.trouble.attempts)
        if world.is_up():
            found.problems.append("nobody was reached for 30 s, and DeviceDown was not reported")
        world.trouble.away = False
        _, waiting = await asyncio.wait(asking, timeout=BOOKED_S)
        for task in waiting:
            task.cancel()
        if waiting:
            found.problems.append(f"{len(waiting)} of {MANY} bookings have no outcome {BOOKED_S:g} s after it is back")
            return
        for one, task in zip(bookings, asking, strict=True):
            if wrong := world.judge(one, task.result()):
                found.problems.append(wrong)
                return
            await asyncio.sleep(0)  # the service's counting is no turn of the driver's
        if not await world.until(world.is_up, 20):
            found.problems.append("it is not up 20 s after the service is back")


def _forget(*tasks: asyncio.Task[object]) -> None:
    """What they ended with is no news."""
    for task in tasks:
        if not task.cancelled():
            task.exception()
