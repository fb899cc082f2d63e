"""Wait until the first of two waits is over."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any


async def either(one: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> None:
    """Return when one of them has ended; the other is cancelled."""
    tasks = [
        asyncio.create_task(one, name="ledger window"),
        asyncio.create_task(other, name="ledger wake"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
