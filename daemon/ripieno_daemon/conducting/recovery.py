"""Recovery: the engine where the last durable step left it, and from there under the plan that is in force now.

    snapshot ──restore──► engine of its plan ──event──► ... ──plan record──► engine of that plan, which takes over
                                                                 ... at the end: the plan of this start takes over

What another plan did is its own engine's past: each event is taken by the engine of the plan that it was recorded
under, and each change of the plan is a hand-over (`Engine.take_over`), wherever a process ended. The ledger holds
every plan whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgpack

from ripieno.engine import Engine, unpack_event
from ripieno.plan import Plan, PlanDamaged, decode, joined, severed
from ripieno.plan import digest as digest_of

from ..ledger import Ledger, Recovered

MOST_TREES = 16  # plans that a snapshot remembers as recorded whole; an older one is recorded again when it comes back


CARRIED = "carried"  # in a plan's record: the same parts as the plan before, with other numbers
TAKEN_OVER = "taken_over"  # what was under way goes on, as far as it can


def how_of(body: Mapping[str, Any]) -> str:
    """Return how a plan came into force, of its record."""
    return next((how for how in (CARRIED, TAKEN_OVER) if body.get(how)), "")


def go_on(engine: Engine, before: Engine, how: str, severed: frozenset[str]) -> None:
    """Let an engine go on for the one of the plan before, as the record says; without a word it begins anew."""
    if how == CARRIED:
        engine.restore(before.state())
    elif how == TAKEN_OVER:
        engine.take_over(before, severed)


class Trees:
    """Where the ledger holds which plan whole: digest -> record."""

    def __init__(self, kept: list[Any]) -> None:
        self._records = {one: 0 for one in kept if isinstance(one, str)}  # as older snapshots have it: somewhere
        self._records |= {one[0]: one[1] for one in kept if not isinstance(one, str)}

    def __contains__(self, digest: str) -> bool:
        return digest in self._records

    def add(self, digest: str, record: int) -> None:
        """Note that this record holds the plan."""
        self._records[digest] = record

    def kept(self) -> list[list[Any]]:
        """Return what a snapshot keeps."""
        return [[digest, record] for digest, record in [*self._records.items()][-MOST_TREES:]]

    async def read(self, digest: str, ledger: Ledger) -> Plan | None:
        """Return the plan, None where the ledger does not hold it any more."""
        record = self._records.get(digest, 0)
        rows = ledger.records(record - 1, record) if record else ledger.records()
        async for row in rows:
            if row.kind != "plan":
                continue
            body = msgpack.unpackb(row.payload, raw=False)
            if body["plan"] == digest and "tree" in body:
                try:
                    return decode(body["tree"])
                except PlanDamaged:
                    return None
        return None


class Recovery:
    """One recovery.

    Args:
        plan: in force now.
        say: one sentence for a person.

    Attributes:
        engine: of `plan`, after `run`.
        trees: see there.
        is_heir: whether the engine goes on from a past; False where there was none, or it cannot be had.
    """

    def __init__(self, plan: Plan, ledger: Ledger, say: Callable[[str], None]) -> None:
        self._now, self._ledger, self._say = digest_of(plan), ledger, say
        self._plans: dict[str, Plan | None] = {self._now: plan}
        self._digest = ""
        self._engine: Engine | None = None
        self.engine = Engine(joined(plan))
        self.trees = Trees([])
        self.is_heir = False
        self._is_lost = False

    async def run(self, recovered: Recovered) -> None:
        """Go through what is durable."""
        if recovered.snapshot is not None:
            digest, state, *trees = msgpack.unpackb(recovered.snapshot, raw=False)
            self.trees = Trees(trees[0] if trees else [])
            await self._restore(digest, state)
        async for record in recovered.records():
            if record.kind == "plan":
                body = msgpack.unpackb(record.payload, raw=False)
                if "tree" in body:
                    self.trees.add(body["plan"], record.id)
                await self._change(body["plan"], how_of(body))
            elif record.kind == "event" and self._engine is not None:
                self._engine.step(unpack_event(record.payload))
        had_a_past = self._digest != ""
        if had_a_past and self._digest != self._now:
            self._say("the plan has changed since the last run: it takes over what is under way")
        await self._change(self._now, TAKEN_OVER)
        assert self._engine is not None  # the plan in force is known
        self.engine = self._engine
        self.is_heir = had_a_past and not self._is_lost
        if self._is_lost:
            self._say("ALARM what was under way is given up, and counting begins anew")

    async def _restore(self, digest: str, state: bytes) -> None:
        plan = await self._plan(digest)
        if plan is None:
            return
        self._engine, self._digest = Engine(joined(plan)), digest
        try:
            self._engine.restore(state)
        except ValueError as error:
            self._say(str(error))
            self._engine, self._is_lost = Engine(joined(plan)), True

    async def _change(self, digest: str, how: str) -> None:
        """Put a plan in force. `how`: as its record says; "" is an older release's, which began anew."""
        if digest == self._digest:
            return  # another process, the same plan
        plan = await self._plan(digest)
        before, was = self._engine, self._plans.get(self._digest)
        self._digest, self._engine = digest, None
        if plan is None:
            return
        self._engine = Engine(joined(plan))
        if before is None or was is None:
            return
        go_on(self._engine, before, how, severed(was, plan))

    async def _plan(self, digest: str) -> Plan | None:
        if digest not in self._plans:
            self._plans[digest] = await self.trees.read(digest, self._ledger)
            if self._plans[digest] is None:
                self._say(f"the ledger does not hold the plan {digest[:16]}, under which it recorded")
                self._is_lost = True
        return self._plans[digest]
