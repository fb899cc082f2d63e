"""Ports: the real clock, entropy and disk behind the protocols of `ripieno.contracts.ports`.

In:    calls of the rooms. Out: what the operating system gave, its errors translated once (StorageError).
Never: a decision. Only this room and `fleet/broker_*.py` touch time, os, sqlite3 and sockets.
Start: storage.py (threads, durable), inline.py (the same without threads, for virtual time), clock.py, entropy.py.
"""

from .clock import SystemClock
from .entropy import SystemEntropy
from .inline import InlineStorage
from .storage import DiskStorage

__all__ = ["DiskStorage", "InlineStorage", "SystemClock", "SystemEntropy"]
