"""Results and bookings: each result is at the consumer exactly once, each diverted part is booked exactly once."""

from __future__ import annotations

import sqlite3
from collections import Counter

from ripieno_sim.plant import End

from ..evidence import Evidence
from ..terms import RUN_ON_US
from ..world import CONSUMER_FILE
from .parts import Account, has_left, is_booked, name_of, was_hung
from .record import Record
from .violation import Violation

DELIVERED, BOOKED = "every result is delivered once", "every diverted part is booked once"
FEW = 5


def delivered(evidence: Evidence, record: Record) -> list[Violation]:
    """Hold the consumer's rows against the ledger's stream."""
    with sqlite3.connect(evidence.state / CONSUMER_FILE) as rows:
        counted = {
            seq: (record_id, kind, payload)
            for seq, record_id, kind, payload in rows.execute("SELECT seq, record_id, kind, payload FROM rows")
        }
        total = rows.execute("SELECT COUNT(*) FROM rows").fetchone()[0]
    rows.close()
    sent = {seq: (id, kind, payload) for seq, id, kind, payload, _ in record.stream}
    # What came up while the line was at rest has had no time for another try where the broker had lost it.
    rest_us = evidence.terms.ends_us + RUN_ON_US
    owed = {seq for seq, *_, at_us in record.stream if at_us < rest_us}
    found = []
    if missing := sorted(owed - set(counted)):
        found.append(Violation(DELIVERED, f"{len(missing)} of {len(sent)} never arrived, the first is {missing[0]}"))
    if more := sorted(set(counted) - set(sent)):
        found.append(Violation(DELIVERED, f"{len(more)} are at the consumer and not in the ledger: {more[:FEW]}"))
    if total != len(counted):
        found.append(Violation(DELIVERED, f"the consumer has {total} rows under {len(counted)} numbers"))
    other = [seq for seq in sorted(set(sent) & set(counted)) if sent[seq] != counted[seq]]
    if other:
        found.append(Violation(DELIVERED, f"{len(other)} arrived as something else: {other[:FEW]}"))
    if sorted(sent) != list(range(1, len(sent) + 1)):
        found.append(Violation(DELIVERED, "the numbers of the stream have holes"))
    return found


def booked(evidence: Evidence, said: Account) -> list[Violation]:
    """Hold the site's bookings against where the parts went."""
    with sqlite3.connect(evidence.state / "stock.sqlite") as rows:
        acts = Counter(act.partition("/")[0] for (act,) in rows.execute("SELECT act FROM bookings"))
    rows.close()
    found = [Violation(BOOKED, f"{item} was booked {times} times") for item, times in acts.items() if times > 1]
    parts = {name_of(*key): evidence.parts[index] for key, index in evidence.seen.counted.items()}
    for item in acts:
        part = parts.get(item)
        if part is None:
            found.append(Violation(BOOKED, f"{item} is booked as scrap, and the board never counted it"))
        elif part.end is End.PASSED and is_booked(item, said) is not None and not was_hung(part, evidence):
            found.append(Violation(BOOKED, f"{item} is booked as scrap and is in the pass bin", part.ended_us))
    for item in said.verdicts:
        part = parts.get(item)
        if part is None or not has_left(part, evidence):
            continue
        must = is_booked(item, said)
        if must is True and item not in acts:
            found.append(Violation(BOOKED, f"{item} was diverted and is not booked", part.ended_us))
        elif must is False and item in acts:
            found.append(Violation(BOOKED, f"{item} was let through and is booked as scrap", part.ended_us))
    return found
