"""The rules over time of pipeline.yaml once more: by hand, from whole lists of what came in, in the plainest way.

Nothing of the engine, its windows or its conditions is used. Windows are cut out of all samples anew at each look;
None is unknown. What an item was decided is taken from the record (and held against `verdict_of` by rules.py).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from ripieno.engine import ReadingSeen, Started

S: Final = 1_000_000_000
LOW, HIGH, SAFE, STEP, LEASE_NS = 60.0, 140.0, 100.0, 5.0, 3 * S
READING_AGE_NS: Final = 5 * S
Truth = bool | None


@dataclass(frozen=True, slots=True)
class Sample:
    """One answer of the model, or none (label None). `t`: engine time."""

    t: int
    label: str | None
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class Fired:
    """What a rule did to the flow: changed, verified, undone, not-verified, or let-go where no rule knows anything."""

    rule: str
    what: str
    before: float
    after: float


@dataclass(slots=True)
class Trial:
    """A change on trial, until so many more parts are decided and this time has come."""

    change: float
    parts: int
    until_t: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule over time, as a person reads it in the file. `wanted`: the flow that it wants, from the present one."""

    name: str
    when: Callable[[Reference], Truth]
    wanted: Callable[[float], float]
    for_ns: int = 0
    after_gap: str = "start_over"
    cooldown_ns: int = 0
    trial: tuple[int, int] | None = None  # parts, ns
    that: Callable[[Reference], Truth] = lambda _: None


@dataclass(slots=True)
class Timer:
    """Where a rule is. `since_t`: its condition has been true since then."""

    since_t: int | None = None
    rests_until_t: int = 0
    trial: Trial | None = None


@dataclass(slots=True)
class Reference:
    """All of it. Tell it what came in, in the order of the record; `look` says what the rules must have done."""

    t: int = 0
    flow: float = SAFE
    samples: list[Sample] = field(default_factory=list)
    reading: ReadingSeen | None = None
    release: int = 0
    timers: dict[str, Timer] = field(default_factory=lambda: {rule.name: Timer() for rule in RULES})
    blind_since_t: int | None = None
    truths: dict[str, Truth] = field(default_factory=dict)
    looked_t: int = 0

    @property
    def rules(self) -> tuple[Rule, ...]:
        """The rules over time of the release in force."""
        return RULES if self.release < TRIMS_LATER else LATER_RULES

    def change(self, release: int) -> list[Fired]:
        """Another release is in force: rules that it changes, or has alone, begin anew; a trial of theirs ends."""
        before, self.release = {rule.name: rule for rule in self.rules}, release
        anew = [rule.name for rule in self.rules if before.get(rule.name) != rule]
        gone = [name for name in before if name in anew or name not in {rule.name for rule in self.rules}]
        given_up = [Fired(name, "not-verified", self.flow, self.flow) for name in gone if self.timers[name].trial]
        kept = {rule.name: Timer() if rule.name in anew else self.timers[rule.name] for rule in self.rules}
        self.timers, self.truths, self.blind_since_t = kept, {}, None
        return given_up

    def started(self, event: Started) -> None:
        """A process began; for `gap_ns` none ran. What a rule was timing begins anew, or goes on without the gap."""
        gap_ns = event.gap_ns
        for rule in self.rules:
            if gap_ns <= 0 or rule.after_gap == "fire_if_elapsed":
                continue
            timer, anew = self.timers[rule.name], rule.after_gap == "start_over"
            if timer.since_t is not None:
                timer.since_t = None if anew else timer.since_t + gap_ns
            if timer.rests_until_t > self.t - gap_ns:
                timer.rests_until_t = self.t + rule.cooldown_ns if anew else timer.rests_until_t + gap_ns
            if timer.trial is not None and timer.trial.until_t and rule.trial is not None:
                timer.trial.until_t = self.t + rule.trial[1] if anew else timer.trial.until_t + gap_ns

    def decided(self, parts: int) -> None:
        """So many more parts have a verdict."""
        for timer in self.timers.values():
            if timer.trial is not None:
                timer.trial.parts = max(0, timer.trial.parts - parts)

    def look(self) -> list[Fired]:
        """Judge the trials, then let the rules act, in the order of the file."""
        done: list[Fired] = []
        for rule in self.rules:
            done += self._judge(rule, self.timers[rule.name])
        self.truths, self.looked_t = {}, self.t
        for rule in self.rules:
            done += self._act(rule, self.timers[rule.name])
        return done + self._let_go()

    def turned(self, t: int) -> list[str]:
        """Return the rules whose condition is another at `t` than at the last look, though nothing came."""
        if not self.truths or t <= self.looked_t:
            return []
        now_t, self.t = self.t, t
        turned = [rule.name for rule in self.rules if self.truths[rule.name] != rule.when(self)]
        self.t = now_t
        return turned

    def due_t(self) -> int | None:
        """Return when time alone must make the rules be looked at."""
        due: list[int] = []
        for rule in self.rules:
            timer = self.timers[rule.name]
            if timer.trial is not None:
                due += [timer.trial.until_t] if timer.trial.until_t else []
            elif timer.since_t is not None:
                due += [timer.since_t + rule.for_ns, timer.rests_until_t]
        due += [self.blind_since_t + LEASE_NS] if self.blind_since_t is not None else []
        return min((at_t for at_t in due if at_t > self.t), default=None)

    def pressure(self) -> float | None:
        """Return the melt's pressure, if it is known now."""
        reading = self.reading
        if reading is None or reading.health != "good" or self.t - reading.taken_t > READING_AGE_NS:
            return None
        return reading.values[0] if math.isfinite(reading.values[0]) else None

    def share(self, label: str, window: list[Sample], least: int) -> float | None:
        """Return which part of the known samples has this label; None with fewer than `least` known."""
        known = [sample for sample in window if sample.label is not None]
        return sum(sample.label == label for sample in known) / len(known) if len(known) >= least else None

    def last(self, count: int) -> list[Sample]:
        """Return the last samples, known or not."""
        return self.samples[-count:]

    def since(self, span_ns: int) -> list[Sample]:
        """Return the samples taken after `span_ns` ago."""
        found: list[Sample] = []
        for sample in reversed(self.samples):
            if sample.t <= self.t - span_ns:
                break
            found.append(sample)
        return found

    def _judge(self, rule: Rule, timer: Timer) -> list[Fired]:
        trial = timer.trial
        if trial is None or trial.parts > 0 or self.t < trial.until_t:
            return []
        timer.trial, before = None, self.flow
        if rule.that(self) is True:
            return [Fired(rule.name, "verified", before, before)]
        self.flow = min(HIGH, max(LOW, before - trial.change))
        timer.rests_until_t = self.t + rule.cooldown_ns
        return [Fired(rule.name, "undone" if self.flow != before else "not-verified", before, self.flow)]

    def _act(self, rule: Rule, timer: Timer) -> list[Fired]:
        truth = self.truths[rule.name] = rule.when(self)
        if truth is not True:
            timer.since_t = None
            return []
        if timer.since_t is None:
            timer.since_t = self.t
        if self.t < timer.since_t + rule.for_ns or self.t < timer.rests_until_t:
            return []
        if any(each.trial is not None for each in self.timers.values()):
            return []  # one change of the flow at a time
        before, wanted = self.flow, rule.wanted(self.flow)
        after = min(HIGH, max(LOW, min(before + STEP, max(before - STEP, wanted))))
        if after == before:
            return []
        self.flow = after
        timer.since_t, timer.rests_until_t = None, self.t + rule.cooldown_ns
        if rule.trial is not None:
            parts, span_ns = rule.trial
            timer.trial = Trial(after - before, parts, self.t + span_ns if span_ns else 0)
        return [Fired(rule.name, "changed", before, after)]

    def _let_go(self) -> list[Fired]:
        """A flow that no rule knows anything about, for a whole lease, goes back to what is safe."""
        if self.flow == SAFE or any(truth is not None for truth in self.truths.values()):
            self.blind_since_t = None
            return []
        if self.blind_since_t is None:
            self.blind_since_t = self.t
        if self.t - self.blind_since_t < LEASE_NS:
            return []
        before, self.flow, self.blind_since_t = self.flow, SAFE, None
        for timer in self.timers.values():
            timer.trial = None
        return [Fired(self.rules[0].name, "let-go", before, SAFE)]


def _more(left: float | None, right: float | None, than: float) -> Truth:
    return None if left is None or right is None else left - right > than


def _trim_down(than: float) -> Callable[[Reference], Truth]:
    def trims(seen: Reference) -> Truth:
        last = seen.last(20)
        return _more(seen.share("over", last, 10), seen.share("under", last, 10), than)

    return trims


def _trim_up(seen: Reference) -> Truth:
    return _more(seen.share("under", seen.since(30 * S), 6), 0.0, 0.50)


def _few(label: str, window: Callable[[Reference], list[Sample]], least: int) -> Callable[[Reference], Truth]:
    def few(seen: Reference) -> Truth:
        share = seen.share(label, window(seen), least)
        return None if share is None else share < 0.50

    return few


def _hot(than: float) -> Callable[[Reference], Truth]:
    def hot(seen: Reference) -> Truth:
        bar = seen.pressure()
        return None if bar is None else bar > than

    return hot


def _cold(seen: Reference) -> Truth:
    bar = seen.pressure()
    return None if bar is None else bar < 110


def _steady(seen: Reference) -> Truth:
    normal = seen.share("normal", seen.last(12), 8)
    scores = [sample.score for sample in seen.last(10) if sample.label is not None]
    terms = [
        None if normal is None else normal >= 0.60,
        None if len(scores) < 5 else math.fsum(scores) / len(scores) >= 0.60,
    ]
    return False if False in terms else None if None in terms else True


def verdict_of(seen: Reference, sample: Sample) -> str:
    """Return what rule `pass` says of a part with this answer: good, defective, or undecided where it is unknown."""
    bar = seen.pressure()
    terms: list[Truth] = [
        None if sample.label is None else sample.label == "normal",
        None if sample.label is None else sample.score >= LEAST_SCORE[seen.release],
        None if bar is None else not bar > MOST_BAR[seen.release],
    ]
    if False in terms:
        return "defective"
    return "undecided" if None in terms else "good"


RULES: Final[tuple[Rule, ...]] = (
    Rule(name="trim_down", when=_trim_down(0.20), wanted=lambda flow: flow - 5, cooldown_ns=3 * S, trial=(20, 0),
         that=_few("under", lambda seen: seen.last(10), 5)),
    Rule(name="trim_up", when=_trim_up, wanted=lambda flow: flow + 5, cooldown_ns=5 * S, trial=(0, 8 * S),
         that=_few("over", lambda seen: seen.since(8 * S), 3)),
    Rule(name="hot", when=_hot(150), wanted=lambda flow: flow - 2, for_ns=10 * S, cooldown_ns=20 * S),
    Rule(name="cold", when=_cold, wanted=lambda flow: flow + 2, for_ns=10 * S, after_gap="keep", cooldown_ns=20 * S),
    Rule(name="steady", when=_steady, wanted=lambda flow: 100.0, for_ns=10 * S, after_gap="fire_if_elapsed",
         cooldown_ns=45 * S),
)  # fmt: skip
LATER_RULES: Final[tuple[Rule, ...]] = (
    replace(RULES[0], when=_trim_down(0.30)),
    *RULES[1:],
    Rule(name="hotter", when=_hot(165), wanted=lambda flow: flow - 1, for_ns=5 * S, cooldown_ns=20 * S),
)
TRIMS_LATER: Final = 2  # the release that has them
LEAST_SCORE: Final = (0.50, 0.75, 0.50)
MOST_BAR: Final = (170, 170, 160)
