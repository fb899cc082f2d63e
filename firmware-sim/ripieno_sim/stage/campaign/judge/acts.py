"""Acts: none twice, none without a durable intent, no false word about one, each for its own part."""

from __future__ import annotations

from collections import defaultdict

from ripieno.engine import ActSettled
from ripieno.values import OutcomeKind

from ..evidence import Evidence
from ..terms import US
from .record import Record
from .violation import Violation

GATE = "gate"
TWICE, INTENT, FALSE, UNRESOLVED, OWN = (
    "no act twice",
    "an intent is durable before its act",
    "no false claim",
    "every act gets an outcome",
    "an act is for its own part",
)


def judge(evidence: Evidence, record: Record) -> list[Violation]:
    """Hold what the machine did against what is durable and what is recorded of it."""
    seen, durable = evidence.seen, evidence.durable
    found = [
        Violation(INTENT, f"the board took command {cmd}, of which no intent was durable", at_us)
        for cmd, at_us in evidence.undurable
    ]
    executed: dict[str, list[int]] = defaultdict(list)
    for cmd, times in seen.executed.items():
        if len(times) > 1:
            text = ", ".join(f"{t_us / US:.3f} s" for t_us in times)
            found.append(Violation(TWICE, f"command {cmd} moved the gate {len(times)} times: at {text}", times[1]))
        if cmd in durable:
            executed[str(durable[cmd][0].act)] += times[:1]
    for act, times in executed.items():
        if len(times) > 1:
            text = ", ".join(f"{t_us / US:.3f} s" for t_us in times)
            found.append(Violation(TWICE, f"{act} was done under {len(times)} commands: at {text}", times[1]))
    found += _claims(executed, evidence, record)
    found += _strangers(evidence)
    return found


def _claims(executed: dict[str, list[int]], evidence: Evidence, record: Record) -> list[Violation]:
    found, settled = [], set()
    for step in record.steps:
        event = step.event
        if not isinstance(event, ActSettled) or event.output != GATE:
            continue
        act = f"{event.cause}/{event.output}/{event.index}"
        settled.add(act)
        times = executed.get(act, [])
        said = f"{act} is recorded as {event.kind}" + (f" ({event.why})" if event.why else "")
        if event.kind == OutcomeKind.EXECUTED and not (times and times[0] <= step.at_us):
            when = f"moved for it only at {times[0] / US:.3f} s" if times else "never moved for it"
            found.append(Violation(FALSE, f"{said}; the gate was {when}", step.at_us))
        elif event.kind == OutcomeKind.NOT_EXECUTED and times:
            found.append(Violation(FALSE, f"{said}; the gate was moved for it at {times[0] / US:.3f} s", step.at_us))
    for intent, at_us in evidence.durable.values():
        if str(intent.act) not in settled:
            found.append(Violation(UNRESOLVED, f"{intent.act} (command {intent.command_id}) has none", at_us))
    return found


def _strangers(evidence: Evidence) -> list[Violation]:
    """An opening is for the part of its act, which is then the one nearest the gate."""
    found = []
    for opening in evidence.openings:
        known = evidence.durable.get(opening.cmd_id or 0)
        if known is None:
            found.append(Violation(INTENT, f"command {opening.cmd_id} moved the gate without one", opening.began_us))
            continue
        _, epoch, number = known[0].act.cause.rsplit("-", 2)
        part = evidence.seen.counted.get((int(epoch, 16), int(number)))
        if part != opening.nearest:
            what = f"{known[0].act} is for part {part}; part {opening.nearest} was nearest the gate"
            found.append(Violation(OWN, what, opening.began_us))
    return found
