"""Logs: what the daemon says, with what each sentence is about; kept within bounds, and read again by what is wanted.

In:    sentences, each with its event; a wish: pipeline, decision, item, device, span of time, level.
Out:   journal entries with fields of their own (RIPIENO_ITEM= ...), lines on standard error, a bounded file of the
       state directory; the entries that a wish names, from the journal or from that file.
Never: a wait of the loop for a disk; a decision of each part (those are in the record); a flood told one by one.
Start: log.py (what is said), entry.py (one entry), wish.py (what is wanted), reading.py (where it is read).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .entry import Entry
    from .log import Log
    from .wish import BadWish, Wish

__all__ = ["BadWish", "Entry", "Log", "Wish"]

_HOMES = {"BadWish": "wish", "Entry": "entry", "Log": "log", "Wish": "wish"}


def __getattr__(name: str) -> object:
    """Open the door only as far as asked: a start says things, and reads none."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
