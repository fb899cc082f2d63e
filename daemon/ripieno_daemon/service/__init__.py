"""The service: the process around the app. Starts it from what is configured, answers for it, ends it.

In:    a device file; systemd's environment (notify, state and runtime directories); signals; local callers.
Out:   a running app, or safe mode and the reason; READY, WATCHDOG and STATUS; an exit code.
Never: a decision about a part; a device opened in safe mode; a plan in force that the compile step did not write.

    start -> compile -> [bad: last good plan | refuse] -> [too many starts: safe mode] -> app -> ready
    reload: compile, load the models beside the old ones, hold, swap; whatever is worse is refused and the old runs on

Start: life.py (the order of things); plans.py (which plan), lives.py (one app after another), safe_mode.py,
       reloading.py, mishaps.py; standing.py (what status tells), answers.py (who may ask what), last_good.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .life import Life
    from .surroundings import Surroundings

__all__ = ["Life", "Surroundings"]


def __getattr__(name: str) -> object:
    """Open the door only as far as asked: a start asks for the surroundings long before it needs the rest."""
    if name == "Life":
        from .life import Life

        return Life
    if name == "Surroundings":
        from .surroundings import Surroundings

        return Surroundings
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
