"""The orders that change modes: `observe`, `act`, `manual`, `bypass`, `auto`, as the line's own people ask for them.

All of them are actuations: one whose daemon dies while it is at it is never begun again, and is told as UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ripieno.errors import CommandRefused, StorageError

from ..conducting.mode_desk import ModeDesk
from ..orders.executors import Executor, NotDone

if TYPE_CHECKING:
    from ..conducting.conductor import Conductor

BY: Final = "the fleet"
Args = Mapping[str, Any]


def moding(line: Callable[[], Conductor]) -> dict[str, Executor]:
    """Return what does them, by kind. `line`: the one that runs."""

    def does(ask: Callable[[ModeDesk, Args, str], Awaitable[str]]) -> Executor:
        async def do(args: Args, tell: Callable[[str], None]) -> Args:
            modes = line().modes
            if modes is None:
                raise NotDone("starting", "no device is open yet")
            try:
                said = await ask(modes, args, args.get("why", ""))
            except CommandRefused as error:
                raise NotDone("mode", str(error)) from error
            except StorageError as error:
                return {"warning": f"in force, but a restart may not know it: {error}", "modes": modes.report()}
            tell(said)
            return {"text": said, "modes": modes.report()}

        return do

    return {
        "observe": does(lambda modes, args, why: modes.observe(args.get("pipeline", ""), BY, why)),
        "act": does(lambda modes, args, why: modes.act(args.get("pipeline", ""), BY, why)),
        "manual": does(lambda modes, args, why: modes.manual(args["output"], args["to"], args.get("for_s"), BY, why)),
        "bypass": does(lambda modes, args, why: modes.bypass(args["output"], args["for_s"], BY, why)),
        "auto": does(lambda modes, args, why: modes.auto(args["output"], BY, why)),
    }
