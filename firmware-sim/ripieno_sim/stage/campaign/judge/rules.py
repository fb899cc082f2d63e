"""Rules: each recorded verdict and change of the flow is what the reference makes of the same events."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ripieno.engine import (
    ActSettled,
    DeviceChanged,
    EdgeSeen,
    FrameSeen,
    PositionSeen,
    ReadingSeen,
    ResultSeen,
    Started,
    Tick,
)

from ..evidence import Evidence
from ..model import digest_of
from ..station import Picture
from .pictures import Pictures, is_believed
from .record import Record, Step
from .reference import Fired, Reference, S, Sample, verdict_of
from .violation import Violation

VERDICTS, TIMERS, ON_TIME, OWN_PICTURE = (
    "a verdict follows from its evidence",
    "rules over time do what the file says",
    "a timer is not late",
    "a part is let through on its own picture",
)
UNSEEN_NS = 20_000_000
LATE_NS = S  # while it stops, a daemon takes outcomes but looks at no timer
ADOPTED = "known from the act's intent after a crash"


def judge(evidence: Evidence, record: Record) -> list[Violation]:
    """Run the reference beside the record; the first difference is told, what follows from it is not."""
    return [*_pictures(evidence, record), *_Beside(evidence.releases).run(record)]


def _pictures(evidence: Evidence, record: Record) -> Iterator[Violation]:
    parts = {f"part-{epoch:08x}-{number}": part for (epoch, number), part in evidence.seen.counted.items()}
    for step in record.steps:
        for _, body in step.told:
            if body.get("verdict") == "good" and body["picture_digest"] and body["item"] in parts:
                part = parts[body["item"]]
                if body["picture_digest"] != digest_of(evidence.terms.seed, Picture(part, "")):
                    yield Violation(OWN_PICTURE, f"{body['item']} was decided by another part's picture", step.at_us)


class _Beside:
    """Engine and reference side by side. `releases`: of the rules, by the digest of the plan that has them."""

    def __init__(self, releases: Mapping[str, int]) -> None:
        self._rules, self._pictures, self._releases = Reference(), Pictures(), releases
        self._due_t: int | None = None

    def run(self, record: Record) -> Iterator[Violation]:
        for step in record.steps:
            given_up = [one for plan in step.plans for one in self._rules.change(self._releases[plan])]
            self._rules.t = max(self._rules.t, step.event.t)
            missed = self._late(step) or self._turned(step)
            if missed is not None:
                yield missed
                return
            expected, looks, adopted = self._take(step)
            bodies = [body for _, body in step.told]
            verdicts = [body for body in bodies if "verdict" in body]
            wrong = self._verdicts(step, verdicts, expected, adopted)
            for body in verdicts:
                self._pictures.decided(body["item"], body["verdict"])
            self._rules.decided(len(verdicts))
            wrong = wrong or self._fired(step, [body for body in bodies if "what" in body], given_up, looks)
            if wrong is not None:
                yield wrong
                return
            self._due_t = self._rules.due_t()

    def _take(self, step: Step) -> tuple[dict[str, str], bool, set[str]]:
        """Return the verdicts that rule `pass` must give now, whether rules over time look, and which items an
        intent made known.
        """
        event, rules, pictures = step.event, self._rules, self._pictures
        match event:
            case Started():
                rules.started(event)
                pictures.started(event)
                adopted = {cause for cause, *_ in event.in_flight}
                return self._known_bad(adopted), True, adopted
            case ReadingSeen():
                rules.reading = event
                return {}, True, set()
            case Tick():
                return {}, True, set()
            case ResultSeen():
                sample = Sample(rules.t, event.label, event.score) if is_believed(event) else Sample(rules.t, None)
                return self._sampled(sample, str(event.item)), True, set()
            case FrameSeen():
                asked = pictures.frame(event)
                if asked is None or asked[1]:
                    return {}, False, set()
                return self._sampled(Sample(rules.t, None), asked[0]), True, set()
            case EdgeSeen():
                pictures.edge(event)
            case PositionSeen():
                pictures.position(event)
            case ActSettled():
                pictures.settled(event)
            case DeviceChanged():
                pictures.device(event)
        return {}, False, set()

    def _sampled(self, sample: Sample, item: str) -> dict[str, str]:
        self._rules.samples.append(sample)
        return {item: verdict_of(self._rules, sample)} if self._pictures.answered(item) else {}

    def _known_bad(self, adopted: set[str]) -> dict[str, str]:
        """After a start, an item is decided at once where no picture could make it good any more."""
        if verdict_of(self._rules, Sample(self._rules.t, None)) != "defective":
            return {}
        waiting = {name for name, item in self._pictures.items.items() if not item.verdict}
        return dict.fromkeys(waiting - adopted, "defective")

    def _verdicts(
        self, step: Step, told: list[dict[str, Any]], expected: dict[str, str], adopted: set[str]
    ) -> Violation | None:
        """Rule `pass` says what follows from the evidence; without it a part is undecided, or known from its act."""
        said = {body["item"]: body["verdict"] for body in told if body["rule"] and body["item"] not in adopted}
        if said != expected:
            what = f"record {step.id}: recorded {said or 'nothing'}, from the evidence follows {expected or 'nothing'}"
            return Violation(VERDICTS, what, step.at_us)
        for body in told:
            if not body["rule"] and body["verdict"] != "undecided":
                return Violation(VERDICTS, f"{body['item']} is {body['verdict']} by no rule", step.at_us)
            if body["item"] in adopted and body["why"] != ADOPTED:
                return Violation(VERDICTS, f"{body['item']} is {body['verdict']}: {body['why']}", step.at_us)
        return None

    def _fired(self, step: Step, told: list[dict[str, Any]], given_up: list[Fired], looks: bool) -> Violation | None:
        """`given_up`: what a change of the plan did to trials, told with the first event behind it."""
        said = [Fired(body["rule"], body["what"], body["before"], body["after"]) for body in told]
        expected = given_up + (self._rules.look() if looks else [])
        if said == expected:
            return None
        return Violation(
            TIMERS, f"record {step.id}: recorded {_text(said)}, the file says {_text(expected)}", step.at_us
        )

    def _turned(self, step: Step) -> Violation | None:
        """Time alone has made a condition true, false or unknown since the last look, and nobody looked."""
        if isinstance(step.event, (Started, ActSettled)):
            return None  # no process ran, or it stops and takes outcomes alone
        turned = self._rules.turned(step.event.t - UNSEEN_NS)
        if not turned:
            return None
        return Violation(ON_TIME, f"{', '.join(turned)}: time turned the condition before record {step.id}", step.at_us)

    def _late(self, step: Step) -> Violation | None:
        if self._due_t is None or isinstance(step.event, Started) or step.event.t <= self._due_t + LATE_NS:
            return None
        late_s = (step.event.t - self._due_t) / S
        return Violation(ON_TIME, f"a timer was due {late_s:.3f} s before record {step.id}", step.at_us)


def _text(fired: list[Fired]) -> str:
    return "; ".join(f"{one.rule} {one.what} {one.before:g} -> {one.after:g}" for one in fired) or "nothing"
