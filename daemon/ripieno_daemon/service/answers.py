"""What the local socket answers, and to whom. Every answer has `ok`; a refusal has `why`.

Looking is for whoever may connect; changing what machines do is for root, the daemon's user and its group, and is
recorded with who asked.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ripieno.errors import StorageError
from ripieno_daemon.metrics import exposition
from ripieno_daemon.ports.local_socket import Peer

from . import mode_answers, recipe_answers
from .messages import told
from .questions import answered, listed

if TYPE_CHECKING:
    from .life import Life

Asked = dict[str, Any]
LONGEST_WHY = 300


class Answers:
    """The table of requests."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._look: dict[str, Callable[[], Asked]] = {
            "status": lambda: {"ok": True, **life.standing.report()},
            "health": self._health,
            "alarms": lambda: {"ok": True, "alarms": [one.as_map() for one in life.standing.alarms.listed()]},
            "asks": lambda: listed(life.standing.app),
            "metrics": lambda: {"ok": True, "text": exposition(life.standing.report())},
        }
        self._change: dict[str, Callable[[Asked, str], Awaitable[Asked]]] = {
            "safe": self._safe,
            "rearm": self._rearm,
            "reload": self._reload,
            "acknowledge": self._acknowledge,
            "test-alarms": self._test_alarms,
            "answer": self._answer,
            "tell": self._tell,
            **mode_answers.changes(life.standing),
            **recipe_answers.changes(life.standing),
        }

    async def __call__(self, asked: Asked, peer: Peer) -> Asked:
        """Answer one request."""
        name = str(asked.get("ask", ""))
        if name in self._look:
            return self._look[name]()
        if name not in self._change:
            there = ", ".join([*self._look, *self._change])
            return {"ok": False, "why": f"there is no request {name[:40]!r}; there are {there}"}
        if not peer.may_change:
            return {"ok": False, "why": f"{peer} may look, not change; become a member of the daemon's group"}
        try:
            return await self._change[name](asked, str(peer))
        except StorageError as error:
            return {"ok": True, "warning": f"done, but a restart may not know it: {error}"}

    def _health(self) -> Asked:
        standing = self._life.standing
        return {"ok": True, "healthy": standing.is_healthy, "ready": standing.is_ready, "phase": standing.phase}

    async def _safe(self, asked: Asked, by: str) -> Asked:
        why = str(asked.get("why", ""))[:LONGEST_WHY]
        app = self._life.standing.app
        if app is None or not await app.make_safe(by, why):
            return {"ok": False, "why": f"no device is open ({self._life.standing.phase}): boards have fallen safe"}
        return {"ok": True, "text": "outputs are held at their safe values until `ripieno rearm`"}

    async def _answer(self, asked: Asked, by: str) -> Asked:
        return answered(self._life.standing.app, asked, by)

    async def _tell(self, asked: Asked, by: str) -> Asked:
        app = self._life.standing.app
        return await told(app.doors if app is not None else None, asked, by)

    async def _rearm(self, asked: Asked, by: str) -> Asked:
        return await self._life.rearm(by)

    async def _reload(self, asked: Asked, by: str) -> Asked:
        return await self._life.reload(by)

    async def _test_alarms(self, asked: Asked, by: str) -> Asked:
        told = await self._life.desk.test(by)
        if not told:
            return {"ok": False, "why": "the device file names no channel: alarms.channels"}
        failed = [name for name, what in told.items() if not what.startswith(("delivered", "switched"))]
        return {"ok": not failed, "channels": told, "why": f"not told by {', '.join(failed)}" if failed else ""}

    async def _acknowledge(self, asked: Asked, by: str) -> Asked:
        found = await self._life.standing.acknowledge(str(asked.get("name", "")), by)
        if not found:
            there = ", ".join(one.name for one in self._life.standing.alarms.listed()) or "none"
            return {"ok": False, "why": f"there is no such alarm; there are {there}"}
        return {"ok": True, "acknowledged": [one.name for one in found]}
