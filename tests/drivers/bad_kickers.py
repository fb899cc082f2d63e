"""Drivers that break their promises, each in one way: what the conformance kit must notice."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

from ripieno.contracts.driver import Driver, Intent
from ripieno.errors import DeviceError
from ripieno.values import Outcome, OutcomeKind, Pulse

EXAMPLE = Path(__file__).parents[2] / "docs/examples/kicker.py"


def _load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kicker_example", EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["kicker_example"] = module
    spec.loader.exec_module(module)
    return module


kicker = _load()
GOOD: Driver = kicker.DRIVER
SIMULATED: Any = kicker.SimulatedKicker


class Retries(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Sends a line again when it is not answered: the classic."""

    async def _ask(self, channel: Any, words: bytes, begins: str) -> str | None:
        for _ in range(3):
            if (answer := await super()._ask(channel, words, begins)) is not None:
                return str(answer)
        return None


class Assumes(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Takes what is not answered for done."""

    async def _kick(self, channel: Any, order: Any) -> None:
        await channel.write(b"K\n", 0.1)
        order.sent_ns = self._context.clock.monotonic_ns()
        self._orders.settle(order, OutcomeKind.EXECUTED)


class Gives(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Takes what is not answered for not done."""

    async def _kick(self, channel: Any, order: Any) -> None:
        try:
            answer = await self._ask(channel, b"K\n", "D")
        except DeviceError:
            answer = None
        kind = OutcomeKind.EXECUTED if answer else OutcomeKind.NOT_EXECUTED
        self._orders.settle(order, kind, "no answer")


class Hasty(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Sends before the intent is durable."""

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        if self._channel is not None:
            await self._channel.write(b"K\n", 0.1)
        await self._context.intents.write(Intent(pulse.act, self._context.device, 1, 0, 0))
        return Outcome(pulse.act, OutcomeKind.EXECUTED)


class Blocks(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Waits for the device in the loop that everything else lives on."""

    async def _look(self, channel: Any) -> None:
        time.sleep(0.3)  # noqa: ASYNC251  # this is the fault
        await super()._look(channel)


class Computes(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Takes 40 ms to think about each answer."""

    async def _look(self, channel: Any) -> None:
        began_ns = time.thread_time_ns()
        while time.thread_time_ns() - began_ns < 40_000_000:
            pass
        await super()._look(channel)


class Lingers(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Does not end when it is cancelled, and leaves a task behind."""

    async def run(self) -> None:
        self.lone = asyncio.get_running_loop().create_task(asyncio.sleep(100_000), name="forgotten")
        try:
            await super().run()
        finally:
            await asyncio.sleep(3)


class Hoards(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Keeps whatever it hears."""

    async def _serve(self, channel: Any) -> None:
        heard = self.__dict__.setdefault("heard", [])
        kept = channel._inbox.take
        channel._inbox.take = lambda chunk: (heard.append(bytes(bytearray(chunk))), kept(chunk))
        if channel._line is not None:
            channel._line.on_bytes = channel._inbox.take
        await super()._serve(channel)


class Spins(kicker.Kicker):  # type: ignore[name-defined,misc]
    """Tries to open the port without a pause, and says so each time."""

    async def run(self) -> None:
        while True:
            try:
                await self._context.lines.open(self._settings.port, 9600, lambda chunk: None, lambda why: None)
            except DeviceError as error:
                self._context.say(str(error))
            await asyncio.sleep(0.001)


def made(device: type, **claims: Any) -> Driver:
    """Return the example's driver with another device, or other claims."""
    return replace(GOOD, open=device, **claims)
