"""The collector of garbage rests during a start: looking again and again through what stays is a tenth of it."""

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


def between_lives() -> None:
    """One life of the app has ended, and another follows: what it was made of is garbage, frozen though it was."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def leave() -> None:
    """The process ends: the interpreter need not look through what its end takes apart anyway."""
    gc.freeze()
