"""What must not grow: queues, tasks, pictures held; and the daemon's own ends."""

from __future__ import annotations

from typing import Final

from ripieno_daemon.ledger.ledger import QUEUE_ROWS

from ..evidence import Evidence
from ..station import SLOTS
from .violation import Violation

BOUNDED, RUNS = "every queue is bounded", "the daemon ends only when it is told to"
SPINS = "nothing spins"  # found while it runs: watched.py
TASKS: Final = 600
ITEMS: Final = 32  # undecided: between eye and gate there is room for 13 parts


def judge(evidence: Evidence, gaps: int) -> list[Violation]:
    """Hold the largest that was seen against what is allowed."""
    most = evidence.most
    found = [Violation(RUNS, what, at_us) for at_us, what in evidence.crashes]
    limits = {
        "records that waited for the disk": (most.records_waiting, QUEUE_ROWS),
        "tasks": (most.tasks, TASKS),
        "undecided items": (most.items_open, ITEMS),
    }
    for what, (seen, limit) in limits.items():
        if seen > limit:
            found.append(Violation(BOUNDED, f"{seen} {what}, at most {limit} are allowed"))
    if gaps:
        found.append(Violation(BOUNDED, f"the ledger's queue was full, {gaps} times"))
    if evidence.pictures_lost:
        found.append(Violation(BOUNDED, f"{evidence.pictures_lost} pictures found all {SLOTS} slots held"))
    found += [Violation(BOUNDED, text) for text in evidence.wrong_pictures]
    return found
