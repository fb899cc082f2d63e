"""All judges over one run."""

from __future__ import annotations

from dataclasses import dataclass

from ripieno_sim.plant import End

from ..evidence import Evidence
from . import acts, bounds, outputs, parts, record, results, rules
from .violation import Violation


@dataclass(frozen=True, slots=True)
class Judged:
    """`head`: of the ledger; `counts`: how much was looked at; `faults`: how often each kind came, see Terms.faults."""

    violations: list[Violation]
    head: str
    counts: dict[str, int]
    faults: dict[str, int]


def judge(evidence: Evidence) -> Judged:
    """Return every violation of a run, in the order of the judges."""
    read, found = record.read(evidence.state, evidence.wall_steps)
    said = parts.account(read)
    found += acts.judge(evidence, read)
    found += parts.judge(evidence, said)
    found += results.delivered(evidence, read)
    found += results.booked(evidence, said)
    found += outputs.judge(evidence, read)
    found += rules.judge(evidence, read)
    found += bounds.judge(evidence, read.gaps)
    counts = {
        "parts": len(evidence.parts),
        "items": len(said.verdicts),
        "passed": sum(part.end is End.PASSED for part in evidence.parts),
        "acts": len(evidence.seen.executed),
        "in_doubt": sum(kind == "in-doubt" for kind in said.outcomes.values()),
        "lives": len(evidence.lives),
        "board_resets": evidence.seen.resets,
        "records": read.records,
        "corrections": sum("what" in body for step in read.steps for _, body in step.told),
    }
    return Judged(found, read.head, counts, evidence.terms.faults())
