"""Ports: the real clock, entropy, disk and network behind the protocols of `ripieno.contracts` (ports.py, site.py).

In:    calls of the rooms. Out: what the operating system gave, its errors translated once (StorageError, DeviceError).
Never: a decision. Only this room and `fleet/broker_*.py` touch time, os, sqlite3 and sockets.
Start: storage.py (threads, durable), inline.py (the same without threads, for virtual time), sqlite_reader.py
       (databases of others), site_files.py, network.py, clock.py, entropy.py.
"""

from .clock import SystemClock
from .entropy import SystemEntropy
from .inline import InlineStorage
from .network import SystemNetwork
from .site_files import DiskFiles, InlineFiles
from .storage import DiskStorage

__all__ = [
    "DiskFiles",
    "DiskStorage",
    "InlineFiles",
    "InlineStorage",
    "SystemClock",
    "SystemEntropy",
    "SystemNetwork",
]
