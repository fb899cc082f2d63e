"""Orders that were accepted, one after the other: begun in the journal, done, answered. Questions may run beside.

What changes or moves something waits its turn; up to four questions run at once. What has expired while it waited is
not begun. An actuation that took too long, or failed in an unforeseen way, is UNKNOWN: nobody here knows how far it
came.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ripieno.errors import RipienoError, StorageError

from ..packed import BadPacked, pack
from .executors import Executor, ForRoles, NotDone, Outliving
from .journal import MAX_ANSWER_BYTES, Journal
from .kinds import KINDS, MAX_EXECUTION_S, Effect
from .order import Order
from .states import State

MAX_WAITING: Final = 64
READS_AT_ONCE: Final = 4
CUT: Final = "this device ended while it was being done; it is not done again"
Answer = Callable[[Order, dict[str, Any]], None]


class Doing:
    """Does orders with executors. `run` is a task. `keep` makes an outcome durable, `answer` is called with it then.

    An executor for `cancel` is asked about what is no order here: an update that is on its way.
    """

    def __init__(
        self,
        journal: Journal,
        executors: Mapping[str, Executor],
        answer: Answer,
        is_expired: Callable[[Order], bool],
        say: Callable[[str], None],
        keep: Callable[[Order, State, dict[str, Any]], Awaitable[None]],
    ) -> None:
        self._keep = keep
        self._journal, self._answer, self._is_expired, self._say = journal, answer, is_expired, say
        self._cancel_elsewhere = executors.get("cancel")
        self._executors = {**executors, "cancel": self._cancel}
        self._acts: asyncio.Queue[Order] = asyncio.Queue(MAX_WAITING)
        self._reads: asyncio.Queue[Order] = asyncio.Queue(MAX_WAITING)
        self._waiting: dict[bytes, Order] = {}
        self._running: dict[bytes, asyncio.Task[Mapping[str, Any]]] = {}
        self._taken_up: set[bytes] = set()

    @property
    def kinds(self) -> list[str]:
        """What can be done here."""
        return sorted(self._executors)

    def is_possible(self, kind: str) -> bool:
        """Whether there is an executor."""
        return kind in self._executors

    def role(self, kind: str, args: Mapping[str, Any]) -> str:
        """Return the role that this order is about, "" where it is about none."""
        executor = self._executors.get(kind)
        return executor.role(args) if isinstance(executor, ForRoles) else ""

    def take_up(self, order: Order) -> bool:
        """Tell the outcome of an order that was begun in an earlier life; False: its executor does not outlive one."""
        if not isinstance(self._executors.get(order.kind), Outliving):
            return False
        self._taken_up.add(order.id)
        return self.put(order)

    def put(self, order: Order) -> bool:
        """Queue an order that is in the journal; False: too many wait."""
        if order.kind == "cancel":
            queue = self._reads  # it must not wait behind what it cancels
        else:
            queue = self._reads if KINDS[order.kind].effect is Effect.READ else self._acts
        if queue.full():
            return False
        self._waiting[order.id] = order
        queue.put_nowait(order)
        return True

    async def run(self) -> None:
        """Do what comes until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._serve(self._acts), name="orders that act")
            for number in range(READS_AT_ONCE):
                group.create_task(self._serve(self._reads), name=f"orders that ask {number}")

    async def _serve(self, queue: asyncio.Queue[Order]) -> None:
        while True:
            order = await queue.get()
            if self._waiting.pop(order.id, None) is None:
                continue  # cancelled while it waited
            try:
                await self._do(order)
            except StorageError as error:
                # Without a durable intent nothing was done; without a durable outcome the next start finds it begun.
                self._say(f"order {order.kind} {order.id.hex()}: not durable: {error}")

    async def _do(self, order: Order) -> None:
        effect = KINDS[order.kind].effect
        if order.id in self._taken_up:
            await self._tell_what_became(order)
            return
        if self._is_expired(order):
            await self.finish(order, State.EXPIRED, reason="expired", text="it expired while it waited")
            return
        if effect is not Effect.READ:
            await self._journal.begin(order.id)
        state, answer = await self._outcome(order, effect)
        await self.finish(order, state, **answer)

    async def _tell_what_became(self, order: Order) -> None:
        executor = self._executors[order.kind]
        assert isinstance(executor, Outliving)
        self._taken_up.discard(order.id)
        try:
            result = await executor.resumed()
        except NotDone as error:
            await self.finish(order, State.REFUSED, reason=error.reason, text=str(error))
        except RipienoError as error:
            await self.finish(order, State.FAILED, reason="failed", text=str(error))
        else:
            if result is None:
                await self.finish(order, State.UNKNOWN, reason="restart", text=CUT)
            else:
                await self.finish(order, State.DONE, result=dict(result))

    async def finish(self, order: Order, state: State, **answer: Any) -> None:
        """Make an outcome durable and answer. A question is answered first: asked again, it may be done again."""
        whole = {"state": state.value, **answer}
        try:
            pack(whole, MAX_ANSWER_BYTES)
        except (BadPacked, TypeError, ValueError, OverflowError) as error:
            whole = {"state": state.value, "reason": "answer", "text": f"the result cannot be sent: {error}"}
        kind = KINDS.get(order.kind)
        if kind is not None and kind.effect is Effect.READ:
            self._answer(order, whole)
            await self._keep(order, state, whole)
        else:
            await self._keep(order, state, whole)
            self._answer(order, whole)

    async def _outcome(self, order: Order, effect: Effect) -> tuple[State, dict[str, Any]]:
        def tell(text: str) -> None:
            self._answer(order, {"state": State.EXECUTING.value, "text": text[:2000]})

        work = _run(self._executors[order.kind], order.args, tell)
        task = self._running[order.id] = asyncio.create_task(work, name=f"order {order.kind}")
        limit_s = min(order.max_ms / 1000, MAX_EXECUTION_S)
        lost = State.UNKNOWN if effect is Effect.ACTUATE else State.FAILED
        try:
            async with asyncio.timeout(limit_s):
                return State.DONE, {"result": dict(await task)}
        except NotDone as error:
            return State.REFUSED, {"reason": error.reason, "text": str(error)}
        except TimeoutError:
            return lost, {"reason": "time", "text": f"not done within {limit_s:g} s"}
        except asyncio.CancelledError:
            if not task.cancelled() or _is_being_cancelled():
                raise  # this daemon ends: the next start finds the order begun
            return State.CANCELLED, {"reason": "cancelled", "text": "cancelled while it ran"}
        except RipienoError as error:
            return State.FAILED, {"reason": "failed", "text": str(error)}
        except Exception as error:  # an order from outside must not end the line, whatever an executor does
            self._say(f"order {order.kind} {order.id.hex()}: {type(error).__name__}: {error}")
            return lost, {"reason": "bug", "text": f"{type(error).__name__}: {error}"}
        finally:
            task.cancel()
            self._running.pop(order.id, None)

    async def _cancel(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """`cancel`: take away an order that waits, or a question that runs, or what an executor of its own knows."""
        id: bytes = args["id"]
        waiting = self._waiting.pop(id, None)
        if waiting is not None:
            await self.finish(waiting, State.CANCELLED, reason="cancelled", text="cancelled before it was begun")
            return {"was": "waiting"}
        task = self._running.get(id)
        if task is None and self._cancel_elsewhere is not None:
            return await self._cancel_elsewhere(args, tell)
        if task is None:
            raise NotDone("unknown", f"no order {id.hex()} waits or runs here")
        if task.get_name() not in {f"order {kind.name}" for kind in KINDS.values() if kind.effect is Effect.READ}:
            raise NotDone("begun", f"order {id.hex()} is being done; it is not broken off half way")
        task.cancel()
        return {"was": "running"}


async def _run(executor: Executor, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
    return await executor(args, tell)


def _is_being_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
