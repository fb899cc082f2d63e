"""The record of one or several pipelines, played as cases are: what `Past` gives, without a ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgpack

from ripieno.cases.play import Play
from ripieno.engine import Effect, Event, pack_event
from ripieno.plan import BrokerPlan, PipelinePlan, Plan, StoragePlan, digest, encode, joined
from ripieno_daemon.conducting.told import told
from ripieno_daemon.inquiry.past import Row

WALL_NS = 1_750_000_000_000_000_000


class Played:
    """Takes what a play tells the engine and what it wants, and gives it as rows; a `Past` by shape."""

    def __init__(self, pipelines: tuple[PipelinePlan, ...], answers: Mapping[str, Any]) -> None:
        self.plan = Plan(1, "d", "s", "auto", pipelines, (), BrokerPlan("none", "", 0, ""), StoragePlan("", 0, 0))
        self._digest = digest(self.plan)
        self._rows: list[Row] = []
        self._events = self._index = 0
        body = {"plan": self._digest, "tree": encode(self.plan)}
        self._add("plan", 0, msgpack.packb(body, use_bin_type=True))
        self.play = Play(joined(self.plan), 100.0, answers, self)  # type: ignore[arg-type]  # listens as a Coverage does

    def told(self, event: Event) -> None:
        """An event is about to be taken."""
        self._events, self._index = self._events + 1, 0
        self._add("event", event.t, pack_event(event))

    def took(self, effect: Effect) -> None:
        """An effect is wanted."""
        result = told(effect, self._index, self._events, self._digest)
        self._index += 1
        if result is not None:
            self._add(result[0], self._rows[-1].t_ns, msgpack.packb(result[1], use_bin_type=True))

    def rows(self) -> Iterator[Row]:
        """Yield every record."""
        return iter(self._rows)

    def snapshot(self) -> tuple[bytes | None, int]:
        """There is none."""
        return None, 0

    def _add(self, kind: str, t_ns: int, payload: bytes) -> None:
        self._rows.append(Row(len(self._rows) + 1, kind, t_ns, WALL_NS + t_ns, payload))


def played(
    pipelines: tuple[PipelinePlan, ...], answers: Mapping[str, Any], happen: Callable[[Play], None]
) -> Any:  # a Past by shape
    """Return the record of what happens."""
    record = Played(pipelines, answers)
    happen(record.play)
    return record
