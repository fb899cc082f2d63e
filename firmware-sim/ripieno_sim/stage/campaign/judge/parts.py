"""Parts: each that was counted is decided exactly once, and only those decided good are in the pass bin.

A part is good by the daemon's own record; whether that verdict follows from its own picture is asked in rules.py.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from ripieno.engine import ActSettled, EdgeSeen, PositionSeen
from ripieno.values import OutcomeKind
from ripieno_sim.plant import End, Part
from ripieno_sim.plant.belt import COUNTS_PER_MM

from ..evidence import Evidence
from .record import Record
from .violation import Violation

GATE_MM, BEHIND_MM = 640, 60
ONCE, UNDECIDED, DEFECTIVE = (
    "every part is accounted for exactly once",
    "undecided never passes",
    "defective never passes",
)


@dataclass(slots=True)
class Account:
    """What the ledger says of the items. `verdicts`, `outcomes`: by item; `doubted`: items of which nobody knows."""

    verdicts: dict[str, str] = field(default_factory=dict)
    times: Counter[str] = field(default_factory=Counter)
    outcomes: dict[str, str] = field(default_factory=dict)
    doubted: set[str] = field(default_factory=set)
    known: Counter[int] = field(default_factory=Counter)


def account(record: Record) -> Account:
    """Read verdicts and outcomes of all items, and up to which number each epoch's edges are recorded."""
    said = Account()
    for step in record.steps:
        for kind, body in step.told:
            if "verdict" in body:
                said.verdicts[body["item"]] = body["verdict"]
                said.times[body["item"]] += 1
            elif kind == "alarm" and body["code"] == "act-in-doubt":
                said.doubted.add(body["text"].partition(":")[0])
        event = step.event
        if isinstance(event, ActSettled) and event.output == "gate":
            said.outcomes.setdefault(event.cause, event.kind)
        elif isinstance(event, EdgeSeen):
            said.known[event.epoch] = max(said.known[event.epoch], event.number)
        elif isinstance(event, PositionSeen):
            said.known[event.epoch] = max(said.known[event.epoch], event.edges)
    return said


def name_of(epoch: int, number: int) -> str:
    """Return the item's identity."""
    return f"part-{epoch:08x}-{number}"


def judge(evidence: Evidence, said: Account) -> list[Violation]:
    """Hold the plant's parts against the ledger's items."""
    found = [Violation(ONCE, f"{item} was decided {times} times") for item, times in said.times.items() if times > 1]
    items = {part: name_of(*key) for key, part in evidence.seen.counted.items()}
    for (epoch, number), index in evidence.seen.counted.items():
        item, part = items[index], evidence.parts[index]
        # What a board without power had counted and told nobody, nobody can know; all else must be there.
        must = epoch == evidence.final_epoch or number <= said.known[epoch]
        if must and has_left(part, evidence) and item not in said.verdicts:
            found.append(Violation(ONCE, f"{item} (part {index}) went by and is not in the ledger", part.ended_us))
    counted = set(items.values())
    for item in said.verdicts:
        if item not in counted:
            found.append(Violation(ONCE, f"{item} is in the ledger, and the board never counted it"))
    for part in evidence.parts:
        if part.end is End.PASSED and not was_hung(part, evidence):
            verdict = said.verdicts.get(items.get(part.index, ""), "none")
            if verdict != "good":
                name = items.get(part.index, "never counted")
                invariant = DEFECTIVE if verdict == "defective" else UNDECIDED
                what = f"part {part.index} ({name}) is in the pass bin; its verdict: {verdict}"
                found.append(Violation(invariant, what, part.ended_us))
    return found


def is_booked(item: str, said: Account) -> bool | None:
    """Return whether a part of this item must be booked as scrap; None: nobody can know where it went."""
    if said.verdicts.get(item) != "good":
        return True
    if item in said.doubted or said.outcomes.get(item) == OutcomeKind.IN_DOUBT:
        return None
    return said.outcomes.get(item) != OutcomeKind.EXECUTED


def has_left(part: Part, evidence: Evidence) -> bool:
    """Whether the belt has carried the part so far behind the gate that its way is known."""
    return part.start_count + (GATE_MM + BEHIND_MM) * COUNTS_PER_MM <= evidence.final_count


def was_hung(part: Part, evidence: Evidence) -> bool:
    """Whether the firmware hung when the part came: a gate that it had opened stays open then, whatever is decided."""
    at_us = part.ended_us or 0
    return any(begins_us <= at_us <= ends_us for begins_us, ends_us in evidence.seen.hangs)
