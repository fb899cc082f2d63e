"""A process is started with what it needs of the environment, and no more."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Final

KEPT_VARIABLES: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "HOME", "TMPDIR")
SINGLE_THREADED: Final = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def start(arguments: Sequence[str], pass_fds: Sequence[int], **variables: str) -> subprocess.Popen[bytes]:
    """Start this interpreter with `arguments`; it inherits these descriptors, and its standard error is a pipe.

    To be called on the main thread: off it the kernel's wish to die with the parent would fire early (mortality.py).
    It takes 1 to 3 ms (vfork).

    Raises:
        OSError: no process can be made.
    """
    return subprocess.Popen(
        [sys.executable, "-P", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        pass_fds=tuple(pass_fds),
        env=_environment() | variables,
        cwd="/",
    )


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
    kept.update(dict.fromkeys(SINGLE_THREADED, "1"))
    kept["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)  # the child sees the modules that we see
    kept["PYTHONNOUSERSITE"] = "1"
    return kept
