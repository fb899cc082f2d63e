"""Look into a model file that may kill whoever opens it: in a fork of the worker, which lives for that one file.

tflite-runtime segfaults on about 30 % of damaged files, and a file that does not kill may leave the heap in ruins; so
no process looks into two.
"""

from __future__ import annotations

import hashlib
import os
import resource
import select
import signal
import warnings
from collections.abc import Callable
from typing import Any, Final

from ripieno.contracts.runtime import Runtime
from ripieno.errors import ModelError
from ripieno.models.spec import tensor_to_plain
from ripieno_daemon.processes.mortality import die_with

from . import wire
from .served import THREADS

LOOK_S: Final = 8.0  # a damaged file can also make the runtime loop


def inspect(runtime: Runtime, read: Callable[[str], bytes], path: str) -> dict[str, Any]:
    """Return {sha256, bytes, runtime, version, inputs, outputs} of a model file.

    Raises:
        ModelError: it cannot be read, the runtime refuses it or dies of it.
    """
    try:
        content = read(path)
    except OSError as error:
        raise ModelError(f"{path}: {error.strerror or error}") from error
    try:
        seen = _in_fork(lambda: _look(runtime, content))
    except ModelError as error:
        raise ModelError(f"{path}: {error}") from error
    return {
        "sha256": hashlib.sha256(content).hexdigest(),
        "bytes": len(content),
        "runtime": runtime.name,
        "version": runtime.version(),
        **seen,
    }


def _look(runtime: Runtime, content: bytes) -> dict[str, Any]:
    session = runtime.load(content, THREADS)
    for index in range(len(session.inputs)):
        session.input(index).fill(0)
    session.invoke()  # some damage shows only here
    return {
        "inputs": [tensor_to_plain(tensor) for tensor in session.inputs],
        "outputs": [tensor_to_plain(tensor) for tensor in session.outputs],
    }


def _in_fork(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    reading, writing = os.pipe2(os.O_CLOEXEC)
    parent = os.getpid()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # forking with threads; this process has none of its own
        pid = os.fork()
    if pid == 0:
        os.close(reading)
        die_with(parent)
        resource.setrlimit(resource.RLIMIT_CPU, (int(LOOK_S), int(LOOK_S)))
        try:
            said: list[Any] = [wire.OK, work()]
        except ModelError as error:
            said = [wire.REFUSED, str(error)]
        except BaseException as error:  # whatever a damaged file brings up must end in this process
            said = [wire.REFUSED, f"the file is damaged ({type(error).__name__}: {str(error)[:200]})"]
        try:
            os.write(writing, wire.encode(said))
        finally:
            os._exit(0)
    os.close(writing)
    try:
        said_bytes, in_time = _drain(reading)
    finally:
        os.close(reading)
    if not in_time:
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    if not in_time:
        raise ModelError(f"the file is damaged (looking into it did not end within {LOOK_S:g} s)")
    for heard in wire.Decoder().feed(said_bytes):
        if heard[0] == wire.OK:
            seen: dict[str, Any] = heard[1]
            return seen
        raise ModelError(heard[1])
    if os.WIFSIGNALED(status):
        name = signal.Signals(os.WTERMSIG(status)).name
        raise ModelError(f"the file is damaged (the runtime died of {name})")
    code = os.waitstatus_to_exitcode(status)
    raise ModelError(f"the file is damaged (the runtime ended the process with code {code})")


def _drain(fd: int) -> tuple[bytes, bool]:
    """Read until the other end closes; False when that took longer than LOOK_S for one piece."""
    poll, held = select.poll(), b""
    poll.register(fd, select.POLLIN)
    while poll.poll(LOOK_S * 1000):
        piece = os.read(fd, 65536)
        if not piece:
            return held, True
        held += piece
    return held, False
