"""Outputs: the gate is never open beyond its hold, the flow stays in its range and falls safe with its host."""

from __future__ import annotations

from collections.abc import Iterator

from ripieno_sim.plant import CHANNELS, FLOW

from ..evidence import Evidence
from ..terms import US
from .record import Record
from .violation import Violation

HELD, RANGE, RULED, SAFE, STILL = (
    "a gate closes by itself",
    "a setpoint stays in range and step",
    "a setpoint is what the rules say",
    "outputs are safe without a host",
    "outputs that a person holds are safe",
)
HOLD_US = 400_000
SILENT_US = 300_000
LATEST_US = 20_000  # bytes on their way, and the grain of the board's timers
HELD_UP_US = 600_000  # a line that holds bytes up lets a dead host be heard so much longer
STEP, LEASE_US = 500, 3 * US
ON_ITS_WAY_US = 2 * US


def judge(evidence: Evidence, record: Record) -> list[Violation]:
    """Look at every value that the outputs had."""
    return [*_gate(evidence), *_flow(evidence, record), *_after_death(evidence), *_held(evidence)]


def _gate(evidence: Evidence) -> Iterator[Violation]:
    for opening in evidence.openings:
        ended_us = evidence.plant_us if opening.ended_us is None else opening.ended_us
        held_us = ended_us - opening.began_us
        if held_us > HOLD_US + LATEST_US + _hung_us(evidence, opening.began_us, ended_us):
            yield Violation(HELD, f"command {opening.cmd_id} held it for {held_us / US:.3f} s", opening.began_us)


def _flow(evidence: Evidence, record: Record) -> Iterator[Violation]:
    """A value is safe, or one that the rules had in force at most a lease ago."""
    channel = CHANNELS[FLOW]
    ruled = [(0, channel.safe)]
    for step in record.steps:
        for _, body in step.told:
            if "what" in body and body["output"] == "flow":
                before, after = round(body["before"] * channel.scale), round(body["after"] * channel.scale)
                if abs(after - before) > STEP and body["what"] == "changed":
                    yield Violation(RANGE, f"{body['id']} changed it from {before} to {after}", step.at_us)
                ruled.append((step.at_us, after))
    at = 0
    for t_us, value in evidence.seen.flow:
        if not channel.minimum <= value <= channel.maximum:
            yield Violation(RANGE, f"the flow was {value / channel.scale:g} %", t_us)
        while at + 1 < len(ruled) and ruled[at + 1][0] <= t_us + LATEST_US:
            at += 1
        allowed, back = {channel.safe, ruled[at][1]}, at
        while back > 0 and ruled[back][0] > t_us - LEASE_US - ON_ITS_WAY_US:
            back -= 1
            allowed.add(ruled[back][1])
        if value not in allowed and not _is_unrecorded(t_us, evidence, record):
            text = ", ".join(f"{each / channel.scale:g}" for each in sorted(allowed))
            yield Violation(RULED, f"the flow was {value / channel.scale:g} %, the rules said {text}", t_us)


def _is_unrecorded(t_us: int, evidence: Evidence, record: Record) -> bool:
    """Whether the daemon died before what it had done last was durable: a setpoint does not wait for the disk."""
    for life in evidence.lives:
        if life.died_us is not None and life.born_us <= t_us <= life.died_us + LEASE_US:
            durable = [step.at_us for step in record.steps if life.born_us <= step.at_us <= life.died_us]
            if t_us >= max(durable, default=life.born_us):
                return True
    return False


def _after_death(evidence: Evidence) -> Iterator[Violation]:
    births = [life.born_us for life in evidence.lives[1:]]
    for life, born_us in zip(evidence.lives, [*births, evidence.plant_us], strict=True):
        if life.died_us is None:
            continue
        for what in _moved(evidence, life.died_us, born_us):
            yield Violation(SAFE, f"{what}, the daemon had died", life.died_us)


def _held(evidence: Evidence) -> Iterator[Violation]:
    """From the moment at which a person says so until they rearm; over restarts where they were told that it is."""
    for hold in evidence.holds:
        until_us = evidence.plant_us if hold.until_us is None else hold.until_us
        if not hold.is_durable:
            deaths = [life.died_us for life in evidence.lives if life.died_us and life.died_us >= hold.begins_us]
            until_us = min([until_us, *deaths])
        for what in _moved(evidence, hold.begins_us, until_us):
            yield Violation(STILL, f"{what}, a person held the outputs safe", hold.begins_us)


def _moved(evidence: Evidence, since_us: int, until_us: int) -> Iterator[str]:
    """Say what outputs did between two times, from when at the latest they should have been safe."""
    flow, safe = evidence.seen.flow, CHANNELS[FLOW].safe
    quiet_us = since_us + SILENT_US + LATEST_US + (HELD_UP_US if _is_held_up(evidence, since_us) else 0)
    quiet_us += _hung_us(evidence, since_us, quiet_us)
    if quiet_us >= until_us:
        return
    value = next((value for t_us, value in reversed(flow) if t_us <= quiet_us), safe)
    if value != safe:
        yield f"the flow was still {value} at {quiet_us / US:.3f} s"
    moves = [t_us for t_us, value in flow if quiet_us < t_us < until_us and value != safe]
    moves += [opening.began_us for opening in evidence.openings if quiet_us < opening.began_us < until_us]
    if moves:
        yield f"an output moved at {moves[0] / US:.3f} s"


def _hung_us(evidence: Evidence, begins_us: int, ends_us: int) -> int:
    """Return for how long the firmware hung in or after a span: its outputs stay meanwhile."""
    hangs = [(begin, end) for begin, end in evidence.seen.hangs if begin <= ends_us and end >= begins_us]
    return sum(end - begin + LATEST_US for begin, end in hangs)


def _is_held_up(evidence: Evidence, at_us: int) -> bool:
    held_up = [one for one in evidence.terms.happenings if one.fault.name == "held-up"]
    return any(one.at_us <= at_us <= one.at_us + one.lasts_us + HELD_UP_US for one in held_up)
