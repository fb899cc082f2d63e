"""What a local caller tells an input: checked, handed in, and answered when it is durable."""

from __future__ import annotations

from typing import Any

from ripieno.contracts.site import Told
from ripieno.errors import CommandRefused, StorageError
from ripieno_daemon.doors import OpenDoors

Asked = dict[str, Any]


async def told(doors: OpenDoors | None, asked: Asked, by: str) -> Asked:
    """Hand a message in. `asked`: input, body (an object) and, if its sender has one, key."""
    if doors is None:
        return {"ok": False, "why": "the daemon is not serving yet"}
    input, body, key = asked.get("input"), asked.get("body"), asked.get("key", "")
    if not isinstance(input, str) or not isinstance(body, dict) or not isinstance(key, str):
        return {"ok": False, "why": "a message is {input: text, body: object, key: text}"}
    try:
        known = await doors.tell(input, Told(body, key, by))
    except CommandRefused as error:
        return {"ok": False, "why": str(error)}
    except StorageError as error:
        return {"ok": False, "why": f"not durable: {error}; with the same --key it may be told again, and counts once"}
    return {"ok": True, "key": known, "text": f"{input}: taken as {known}"}
