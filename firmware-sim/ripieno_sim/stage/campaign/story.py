"""A failing seed, told: what was broken, with its evidence, what had happened before, and how to see it again."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any, Final

from .evidence import Evidence
from .judge import Judged, Violation
from .judge.bounds import SPINS
from .terms import US
from .watched import Spins

BEFORE_US: Final = 30 * US
FAULTS, SAYINGS = 12, 8
EACH: Final = 5  # of each invariant so many are told one by one


def repeat(seed: int, minutes: float, without: Sequence[str]) -> str:
    """Return the command that runs this seed again."""
    words = ["ripieno", "sim", "run", "--seeds", f"{seed}:{seed + 1}", "--minutes", f"{minutes:g}"]
    for name in without:
        words += ["--without", name]
    return shlex.join(words)


def told(evidence: Evidence, judged: Judged, minutes: float, without: Sequence[str]) -> list[dict[str, Any]]:
    """Return a seed's violations for JSON, the first with its story; of many of one invariant the first few."""
    again = repeat(evidence.terms.seed, minutes, without)
    found: list[dict[str, Any]] = []
    times: Counter[str] = Counter()
    for one in judged.violations:
        times[one.invariant] += 1
        if times[one.invariant] > EACH:
            continue
        at_s = None if one.at_us is None else round(one.at_us / US, 6)
        plain = {"seed": evidence.terms.seed, "invariant": one.invariant, "what": one.what, "at_s": at_s}
        found.append({**plain, "repeat": again, "story": [] if found else _story(evidence, one)})
    return found


def spun(seed: int, spins: Spins, minutes: float, without: Sequence[str]) -> dict[str, Any]:
    """Return the violation of a run that came to no end."""
    plain = {"seed": seed, "invariant": SPINS, "what": str(spins), "at_s": round(spins.at_us / US, 6)}
    return {**plain, "repeat": repeat(seed, minutes, without), "story": []}


def _story(evidence: Evidence, one: Violation) -> list[str]:
    """Return the last faults before a violation, and what the daemon said around it."""
    at_us = evidence.plant_us if one.at_us is None else one.at_us
    faults = [entry for entry in sorted(evidence.told.faults) if entry[0] <= at_us][-FAULTS:]
    recent = [(t_us, text) for t_us, text in evidence.told.said if at_us - BEFORE_US <= t_us <= at_us + US]
    lines = [(t_us, f"! {text}") for t_us, text in faults]
    lines += [(t_us, f"  daemon: {text}") for t_us, text in recent[-SAYINGS:]]
    return [f"{t_us / US:10.3f} s {text}" for t_us, text in sorted(lines)]


def text(violation: dict[str, Any]) -> str:
    """Return a violation as a person reads it."""
    when = "" if violation["at_s"] is None else f" at {violation['at_s']:.3f} s"
    lines = [f"seed {violation['seed']}{when}: {violation['invariant']}: {violation['what']}"]
    if violation["story"] or violation["invariant"] == SPINS:
        lines += [*violation["story"], f"again: {violation['repeat']}"]
    return "\n".join(lines)
