"""One thread that one object owns: blocking calls go in, run in order, and their results come back to the loop."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Callable[[], Any], "asyncio.Future[Any]"]


class OwnThread:
    """Runs calls one after the other in a thread of its own, started with the first call.

    The queue has no bound of its own: each caller waits for its call, so it is as long as there are callers.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    async def run(self, call: Callable[[], T]) -> T:
        """Return what `call` returned, or raise what it raised.

        A call that was queued is run whatever its caller does.
        """
        if self._thread is None:
            self._thread = threading.Thread(target=self._serve, name=self._name, daemon=True)
            self._thread.start()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put((call, future))
        return await future

    def stop(self) -> None:
        """Let the queued calls finish and wait for the thread to end."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
            self._thread = None

    def _serve(self) -> None:
        while (job := self._jobs.get()) is not None:
            call, future = job
            try:
                value, error = call(), None
            except BaseException as raised:  # it belongs to the caller, who gets it
                value, error = None, raised
            try:
                future.get_loop().call_soon_threadsafe(_deliver, future, value, error)
            except RuntimeError:  # the loop is closed: nobody waits any more
                pass
            del job, call, future, value, error


def _deliver(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():
        return
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)
