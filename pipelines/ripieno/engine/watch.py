"""Rules over time: a condition that must hold, a pause after acting, and a change that must show its effect or is
undone.

States of one rule: waiting (condition not true), holding (true since `since_t`, not yet for `for_ns`), resting (until
    `rest_until_t`),
on trial (a change was made and `left_items` more items, or the time `judge_t`, decide whether it helped), done (it has
booked, and waits for its condition to be otherwise). A schedule has only the time `due_t` at which it looks next.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ripieno.plan import BookingEffect, RulePlan


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
        self.is_done = False
        self.due_t: int | None = None

    def see(self, holds: bool, t: int) -> bool:
        """Take the condition's value (unknown counts as not holding); return whether the rule fires now."""
        if self.rule.every_ns:
            return self._is_due(t) and holds
        if not holds:
            self.since_t = None
            self.at_limit = self.is_done = False
            return False
        if self.since_t is None:
            self.since_t = t
        is_ripe = t >= self.since_t + self.rule.for_ns and t >= self.rest_until_t
        return is_ripe and self.trial is None and not self.is_done

    def fired(self, t: int, trial: Trial | None, is_withheld: bool = False) -> None:
        """Note that the rule acted at `t`: it rests, and its condition must hold anew for all of `for`.

        A rule that books and gives no pause acts once until its condition has been otherwise; so does one whose act
        was withheld, since nothing changes by it.
        """
        self.rest_until_t = t + self.rule.cooldown_ns
        self.since_t = None
        self.trial = trial
        is_once = is_withheld or any(isinstance(one, BookingEffect) for one in self.rule.do)
        self.is_done = not self.rule.cooldown_ns and is_once

    def gap(self, t: int, gap_ns: int) -> None:
        """Deal with a time in which no process ran and that is over at `t`, as the rule's `after_gap` says.

        start_over: what was being timed is timed anew from now. keep: the gap does not count. fire_if_elapsed: it does.
        """
        after_gap, rule = self.rule.after_gap, self.rule
        if gap_ns <= 0 or after_gap == "fire_if_elapsed":
            return
        anew, ended_t = after_gap == "start_over", t - gap_ns
        if self.since_t is not None:
            self.since_t = None if anew else self.since_t + gap_ns
        if self.rest_until_t > ended_t:
            self.rest_until_t = t + rule.cooldown_ns if anew else self.rest_until_t + gap_ns
        if self.due_t is not None:
            self.due_t = t + rule.every_ns if anew else self.due_t + gap_ns
        if self.trial is not None and self.trial.judge_t and rule.verify is not None:
            self.trial.judge_t = t + rule.verify.after_ns if anew else self.trial.judge_t + gap_ns

    def deadline(self, t: int) -> int | None:
        """Return when this rule must be looked at again though nothing happens; None if only events matter."""
        if self.rule.every_ns:
            return self.due_t
        if self.trial is not None:
            return self.trial.judge_t or None
        if self.since_t is None:
            return None
        ripe_t, rest_t = self.since_t + self.rule.for_ns, self.rest_until_t
        if ripe_t > t:
            return rest_t if t < rest_t < ripe_t else ripe_t
        return rest_t if rest_t > t else None

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        trial = self.trial
        kept = None if trial is None else [trial.output, trial.change, trial.left_items, trial.judge_t]
        return [self.since_t, self.rest_until_t, kept, self.at_limit, self.is_done, self.due_t]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        self.since_t, self.rest_until_t, kept, self.at_limit, self.is_done, self.due_t = state
        self.trial = None if kept is None else Trial(*kept)

    def _is_due(self, t: int) -> bool:
        """Whether the schedule's time is there; the next one follows in its rhythm, missed ones are left out."""
        if self.due_t is None:
            self.due_t = t + self.rule.every_ns
        if t < self.due_t:
            return False
        self.due_t += ((t - self.due_t) // self.rule.every_ns + 1) * self.rule.every_ns
        return True
