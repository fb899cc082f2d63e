"""Supervision: who must make progress, who is started again after a crash, and when that is no longer enough.

In:    the tasks of the daemon, and what each of them has done last.
Out:   a task that ended is a `Stop` (cause, evidence, next step) and begins again after a pause; too many of them are
       `Exhausted`; a part without progress is `Stuck`, and the watchdog is not fed.
Never: a task that ends unseen; a clock, randomness or a socket of its own; a decision about a part.

    stream task  again in place, at most 5 times in 60 s
      beyond     its pipeline falls safe: outputs held at their safe values until a person rearms them
    process      again by systemd, after a crash, a hang or a stuck part
      beyond     5 times in 60 s: safe mode; no device is opened, the local socket answers (service/)

Start: progress.py (the watchdog's question), keeping.py (one task), stops.py (what is told), starts.py (the process).
"""

from .feeding import Feeder
from .keeping import Exhausted, Intensity, keep
from .progress import Progress, Stuck
from .starts import Starts
from .stops import Stop, stop_of
from .supervisor import Supervisor
from .watched import WatchedClock, WatchedInference

__all__ = [
    "Exhausted",
    "Feeder",
    "Intensity",
    "Progress",
    "Starts",
    "Stop",
    "Stuck",
    "Supervisor",
    "WatchedClock",
    "WatchedInference",
    "keep",
    "stop_of",
]
