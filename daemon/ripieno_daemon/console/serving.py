"""The operator's end of a transfer: what a device asks for of the bundles that are pushed to it, and of no others.

A request for anything else is left to whoever serves that: an answer "not here" would make its device give up.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ripieno.errors import BrokerError

from ..bundles.packed_file import PackedBundle
from ..fleet.envelope import Envelope
from ..updates.depot import Depot
from ..updates.pieces import GET
from .console import GETS, Console


class Serving:
    """Serves bundles to some devices through a console. `hear` gets what the console hears; `run` is a task."""

    def __init__(self, bundles: Sequence[PackedBundle], devices: Sequence[str]) -> None:
        self._devices = frozenset(devices)
        self._known = {bytes.fromhex(one.release.digest) for one in bundles}
        self._known |= {chunk for one in bundles for chunk in one.release.chunks}
        self._console: Console | None = None
        self.counts: Counter[str] = Counter()
        self._depot = Depot(bundles, self._tell, self.counts)

    @property
    def sent_bytes(self) -> int:
        """How much was sent, pieces that were asked for again too."""
        return self.counts["bytes"]

    def hear(self, device: str, what: str, envelope: Envelope) -> None:
        """Take a request of a device; anything else is not for this."""
        if what != GETS or envelope.type != GET or device not in self._devices:
            return
        if envelope.body.get("h") in self._known:
            self._depot.take(device, envelope.body)
        else:
            self.counts["not ours"] += 1

    async def run(self, console: Console) -> None:
        """Answer until cancelled."""
        self._console = console
        await self._depot.run()

    async def _tell(self, device: str, kind: str, body: Mapping[str, Any]) -> None:
        if self._console is None:
            raise BrokerError("not connected")
        await self._console.give(device, kind, body)
