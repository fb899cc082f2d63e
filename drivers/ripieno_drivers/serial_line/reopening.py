"""Keeps a line open: opened again after each loss, on a written ladder."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

from ripieno.contracts.driver import Context
from ripieno.errors import DeviceError

from .channel import Channel
from .framing import Framing
from .standing import Standing

RETRY_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0)


async def keep_open(
    context: Context,
    port: str,
    baud: int,
    framing: Framing,
    standing: Standing,
    serve: Callable[[Channel], Awaitable[None]],
) -> NoReturn:
    """Run `serve` on the opened port for ever; each DeviceError is a `down`; waits longer until the device came up."""
    failures = 0
    while True:
        ups = standing.ups
        try:
            channel = await Channel.open(context, port, baud, framing)
            try:
                await serve(channel)
            finally:
                channel.close()
        except DeviceError as error:
            standing.down(str(error))
        failures = 0 if standing.ups > ups else failures + 1
        await context.clock.sleep(RETRY_S[min(failures, len(RETRY_S)) - 1 if failures else 0])
