"""The order `logs`: what `ripieno logs` reads on the device, read in a process of its own beside the line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ripieno_daemon.orders.executors import MAX_OUTPUT_BYTES, Asked, NotDone

WISHES: Final = ("pipeline", "decision", "item", "device", "since", "until", "level")
LINES: Final = 100
ROOM_BYTES: Final = 1_000  # for what stands around the entries


class Recent:
    """`logs`: the last `lines` (100) of what is wanted as [us UTC, text], as many as fit."""

    def __init__(self, state: str) -> None:
        self._asked = Asked(lambda args: _words(state, args))

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Read them. Raises NotDone: a wish that nobody understands."""
        found = await self._asked(args, tell)
        return {"lines": [[one["at_us"], one["text"]] for one in found["answer"]["entries"]]}


def _words(state: str, args: Mapping[str, Any]) -> list[str]:
    words = ["logs", f"--state={state}", f"--lines={max(1, args.get('lines', LINES))}"]
    for name in WISHES:
        if name in args:
            value = str(args[name])
            if name == "level" and value not in ("error", "warning", "notice", "info"):
                raise NotDone("arguments", f"level {value[:20]!r} is none of error, warning, notice, info")
            words.append(f"--{name}={value}")
    return [*words, f"--bytes={MAX_OUTPUT_BYTES - ROOM_BYTES}"]
