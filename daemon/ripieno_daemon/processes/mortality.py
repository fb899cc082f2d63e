"""A process that does not outlive the one that made it: PR_SET_PDEATHSIG, prctl(2).

The wish is lost over fork, so each fork asks again.
"""

from __future__ import annotations

import ctypes
import os
import signal
from typing import Final

PR_SET_PDEATHSIG: Final = 1


def die_with(parent: int) -> None:
    """Have the kernel kill this process when the thread that made it ends; `parent` is the pid that made it.

    It is the thread, not the process (prctl(2)): workers are made on the main thread, which ends last.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it died before prctl
        os._exit(0)
