"""The collector of garbage rests while a start makes what stays: looking through it again and again is a tenth of it."""

from __future__ import annotations

import gc


def rest() -> None:
    """Collect nothing until `resume`: imports, the plan and the engine live as long as the process."""
    gc.disable()


def resume() -> None:
    """Collect again, but never look through what the start has made."""
    if not gc.isenabled():  # once: what a later reload leaves behind is garbage
        gc.freeze()
        gc.enable()


def leave() -> None:
    """The process ends: the interpreter need not look through what its end takes apart anyway."""
    gc.freeze()
