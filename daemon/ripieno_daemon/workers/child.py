"""The worker process: loads models, runs pictures, answers, dies with its parent. Single-threaded.

`python -m ripieno_daemon.workers.child FD PARENT NICE RUNTIME`: fd of the socket, pid of the parent, nice value, name
of the runtime ("-": choose). A port: it reads files and the clock.
"""

from __future__ import annotations

import ctypes
import errno
import faulthandler
import gc
import os
import resource
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, Final

from ripieno.contracts.runtime import Runtime
from ripieno.contracts.slots import is_slot, parse_slot
from ripieno.errors import ModelError
from ripieno.models.parts import Box
from ripieno.values import Health, Inferred
from ripieno_daemon.processes.mortality import die_with

from . import wire

M_TRIM_THRESHOLD: Final = -1
M_MMAP_THRESHOLD: Final = -3
KEPT_BYTES: Final = 32 << 20  # the most that glibc takes; a 1080p picture then reuses warm pages: 11.6 -> 6.4 ms
OOM_SCORE_ADJ: Final = "500"  # a worker goes before the control process
MAX_FILE_BYTES: Final = 64 << 20


def main(arguments: list[str]) -> int:
    """Serve one socket until its other end closes; return the exit code."""
    fd, parent, nice, runtime = int(arguments[0]), int(arguments[1]), int(arguments[2]), arguments[3]
    _settle(parent, nice)
    gc.disable()  # what imports and the runtime make stays: looking through it is a sixth of a worker's start
    with socket.socket(fileno=fd) as line:
        from ripieno.models.runtimes import choose

        server: Server | None = None
        try:
            server = Server(choose(None if runtime == "-" else runtime))
            failure = ""
        except ModelError as error:
            failure = str(error)
        gc.freeze()
        gc.enable()
        while (message := _receive(line)) is not None:
            answer = [message[1], wire.REFUSED, failure] if server is None else server.answer(message)
            try:
                line.sendall(wire.encode(answer))
            except (BrokenPipeError, ConnectionResetError):
                break  # nobody waits for it any more
    return 0


def _settle(parent: int, nice: int) -> None:
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole terminal group; only the parent decides
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file per damaged model would fill an SD card
    try:
        Path("/proc/self/oom_score_adj").write_text(OOM_SCORE_ADJ)
    except OSError:
        pass  # not on this kernel, or not allowed in this sandbox: only the order of sacrifice is lost
    os.nice(nice)
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(M_MMAP_THRESHOLD, KEPT_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, 4 * KEPT_BYTES)


def _receive(line: socket.socket) -> list[Any] | None:
    head = _exactly(line, wire.PREFIX)
    if head is None:
        return None
    body = _exactly(line, int.from_bytes(head, "little"))
    return None if body is None else wire.decode(body)


def _exactly(line: socket.socket, size: int) -> bytearray | None:
    held = bytearray(size)
    view, got = memoryview(held), 0
    while got < size:
        try:
            count = line.recv_into(view[got:])
        except ConnectionResetError:
            return None
        if count == 0:
            return None
        got += count
    return held


class Server:
    """The models of this process, by name."""

    def __init__(self, runtime: Runtime) -> None:
        from .mapped import MappedPictures
        from .served import (
            ServedModel,  # numpy comes in here, after mallopt; OpenCV with the first model that takes pictures
        )

        self._runtime = runtime
        self._served = ServedModel
        self._models: dict[str, ServedModel] = {}
        self._pictures = MappedPictures()

    def answer(self, message: list[Any]) -> list[Any]:
        """Return the answer to one message; the process dies on what is no refusal, and the parent shows why."""
        kind, number = message[0], message[1]
        try:
            if kind == wire.INFER:
                return [number, wire.OK, *wire.inferred_to_list(self._infer(*message[2:6]))]
            if kind == wire.LOAD:
                model = self._served.load(message[3], self._runtime, _read, time.perf_counter_ns)
                self._models[message[2]] = model
                return [number, wire.OK, model.described()]
            if kind == wire.INSPECT:
                from .autopsy import inspect

                return [number, wire.OK, inspect(self._runtime, _read, message[2])]
        except ModelError as error:
            return [number, wire.REFUSED, str(error)]
        raise ValueError(f"no such message: {kind}")

    def _infer(self, name: str, ref: str, encoded: bytes | None, parts: list[Any]) -> Inferred:
        boxes = [(left, top, right, bottom) for left, top, right, bottom in parts]
        if encoded is None and is_slot(ref):
            return self._infer_slot(name, ref, boxes)
        if encoded is None:
            try:
                encoded = _read(ref)
            except OSError as error:
                return Inferred(Health.DAMAGED, None, f"{ref}: {error.strerror or error}", "", 0, 0)
        chain = self._models[name].chain
        return chain.run_parts(encoded, boxes) if boxes else chain.run(encoded)

    def _infer_slot(self, name: str, ref: str, boxes: list[Box]) -> Inferred:
        try:
            pixels, is_there = self._pictures.open(parse_slot(ref))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return Inferred(Health.MISSING, None, why, "", 0, 0)
        chain = self._models[name].chain
        return chain.run_pixel_parts(pixels, boxes, is_there) if boxes else chain.run_pixels(pixels, is_there)


def _read(path: str) -> bytes:
    """Return a regular file of at most MAX_FILE_BYTES; never waits on a fifo. Raises OSError."""
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        size = os.fstat(fd).st_size
        if size > MAX_FILE_BYTES:
            raise OSError(errno.EFBIG, f"{size} bytes are too many, at most {MAX_FILE_BYTES} are read", path)
        held = os.read(fd, size + 1)
        while len(held) < size and (more := os.read(fd, size - len(held))):
            held += more
        return held
    finally:
        os.close(fd)


if __name__ == "__main__":
    # Nothing is left to do, and whoever stops the daemon waits: taking numpy and a runtime apart would be 50 ms.
    ended = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(ended)
