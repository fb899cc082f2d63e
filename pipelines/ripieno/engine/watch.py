"""Rules over time: a condition that must hold, a pause after acting, and a change that must show its effect or is
undone.

States of one rule: waiting (condition not true), holding (true since `since_t`, not yet for `for_ns`), resting (until
    `rest_until_t`),
on trial (a change was made and `left_items` more items, or the time `judge_t`, decide whether it helped).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ripieno.plan import RulePlan


@dataclass(slots=True)
class Trial:
    """A change that is being verified: it can be taken back by adding -`change` to `output`."""

    output: str
    change: float
    left_items: int
    judge_t: int


class Watch:
    """The durable state of one rule over time."""

    def __init__(self, rule: RulePlan) -> None:
        self.rule = rule
        self.since_t: int | None = None
        self.rest_until_t = 0
        self.trial: Trial | None = None
        self.at_limit = False

    def see(self, holds: bool, t: int) -> bool:
        """Take the condition's value (unknown counts as not holding); return whether the rule fires now."""
        if not holds:
            self.since_t = None
            self.at_limit = False
            return False
        if self.since_t is None:
            self.since_t = t
        return t >= self.since_t + self.rule.for_ns and t >= self.rest_until_t and self.trial is None

    def fired(self, t: int, trial: Trial | None) -> None:
        """Note that the rule acted at `t`: it rests, and its condition must hold anew for all of `for`."""
        self.rest_until_t = t + self.rule.cooldown_ns
        self.since_t = None
        self.trial = trial

    def gap(self, gap_ns: int) -> None:
        """Deal with a time in which no process ran, as the rule's `after_gap` says."""
        if self.since_t is None or gap_ns <= 0:
            return
        if self.rule.after_gap == "start_over":
            self.since_t = None
        elif self.rule.after_gap == "keep":
            self.since_t += gap_ns

    def deadline(self, t: int) -> int | None:
        """Return when this rule must be looked at again though nothing happens; None if only events matter."""
        waits: list[int] = []
        if self.trial is not None and self.trial.judge_t:
            waits.append(self.trial.judge_t)
        if self.since_t is not None and self.trial is None:
            waits += [due for due in (self.since_t + self.rule.for_ns, self.rest_until_t) if due > t]
        return min(waits, default=None)

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        trial = self.trial
        kept = None if trial is None else [trial.output, trial.change, trial.left_items, trial.judge_t]
        return [self.since_t, self.rest_until_t, kept, self.at_limit]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self.since_t, self.rest_until_t, kept, self.at_limit = state
        self.trial = None if kept is None else Trial(*kept)
