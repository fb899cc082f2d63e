"""Checkup: does this machine have what the daemon needs? Each finding with its mend.

In:    a device file, or none. Out: findings, the bad ones first to be mended.
Never: a machine moved, a port opened that somebody else has, a setting changed. A board may restart when its port is
       opened, so a port is only looked at, not opened, unless it is asked for.
Start: checkup.py (all of it, in order); one module for each thing that is looked at.
"""

from .checkup import checkup
from .finding import BAD, GOOD, WARN, Finding

__all__ = ["BAD", "GOOD", "WARN", "Finding", "checkup"]
