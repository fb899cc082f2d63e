"""Modes: which outputs are out of the rules' hands, who took them, why, and until when.

    observe    of a pipeline: it decides and records, and moves nothing. The device file says so, or a person, whose
               word holds until the file says something else than it said then
    manual     of an output, for a while: it is in a person's hands
    bypass     of an output, for a while: it stands in its safe state

How long an override lasts is counted by the machine's monotonic clock while the machine runs. Over a boot it is what
the wall clock and the engine's time say, whichever is longer; where the wall clock went back nobody knows, and it is
over.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Final

from ripieno.plan import OutputPlan, Plan
from ripieno.plan.tree import ItemPlan

OBSERVE, MANUAL, BYPASS = "observe", "manual", "bypass"
LONGEST_TEXT: Final = 300
MOST_OVERRIDES: Final = 50  # what the file holds with the longest texts


@dataclass(frozen=True, slots=True)
class Switched:
    """A person's word on whether a pipeline observes. `file`: what the device file said of it then."""

    observes: bool
    by: str
    why: str
    since_ns: int
    file: bool


@dataclass(frozen=True, slots=True)
class Instant:
    """Now: engine time, monotonic and wall clock in ns, and which boot of the machine it is ("" where unknown).

    `is_gap_known`: see Timeline.
    """

    t: int
    monotonic_ns: int
    wall_ns: int
    boot: str
    is_gap_known: bool = True


@dataclass(frozen=True, slots=True)
class Override:
    """An output in somebody's hands, or out of use.

    `how`: manual or bypass. `value`: of a setpoint in hand. `since_*`: when it was taken, by every clock there is.
    """

    output: str
    how: str
    value: float | None
    by: str
    why: str
    for_ns: int
    since_ns: int
    since_t: int
    since_monotonic_ns: int
    boot: str

    @property
    def until_ns(self) -> int:
        """When it ends, in UTC as the clock stood when it was taken; for people."""
        return self.since_ns + self.for_ns

    def left_ns(self, now: Instant) -> int:
        """Return how long it lasts from now on; 0 and below: it is over, or nobody knows."""
        if self.boot and self.boot == now.boot:
            return self.for_ns - (now.monotonic_ns - self.since_monotonic_ns)
        elapsed_ns = max(now.wall_ns - self.since_ns, now.t - self.since_t)
        return self.for_ns - elapsed_ns if now.is_gap_known and elapsed_ns >= 0 else 0

    def __str__(self) -> str:
        until = datetime.fromtimestamp(self.until_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        value = "" if self.value is None else f" at {self.value:g}"
        why = f": {self.why}" if self.why else ""
        return f"{self.output} is on {self.how}{value} until {until} by {self.by}{why}"


class Modes:
    """What is in force, by the plan's names.

    Args:
        kept: what the file said; None: it is damaged, and everything observes until a person says otherwise.

    `over`: overrides that ended while nobody ran, with the reason. `is_stale`: the file keeps what is over: it would be
    in force again where the device file goes back to what it said before.
    """

    def __init__(self, plan: Plan, kept: dict[str, Any] | None, now: Instant) -> None:
        self._pipelines = {one.name: one for one in plan.pipelines}
        self._of = {output.name: one.name for one in plan.pipelines for output in one.outputs}
        self._items = {item.decide_before: item for one in plan.pipelines for item in one.items if not item.stands}
        self.outputs: dict[str, OutputPlan] = {each.name: each for one in plan.pipelines for each in one.outputs}
        self._file = frozenset(plan.observe)
        self.switched: dict[str, Switched] = {}
        self.overrides: dict[str, Override] = {}
        self.over: list[tuple[Override, str]] = []
        self._ends: dict[str, int] = {}  # output -> engine time
        self.is_stale = True
        if kept is None:
            why = "the file that says what observes is damaged; `ripieno act` lets outputs move again"
            for name in self._pipelines:
                self.switch(name, True, "the daemon", why, now)
            return
        for name, one in kept.get("switched", {}).items():
            if name in self._pipelines and one["file"] == (name in self._file):
                self.switched[name] = Switched(**one)
        self.is_stale = len(self.switched) < len(kept.get("switched", {}))
        for one in kept.get("overrides", ()):
            self._resume(Override(**one), now)
        self.is_stale = self.is_stale or bool(self.over)

    @property
    def pipelines(self) -> list[str]:
        """The names of the pipelines."""
        return list(self._pipelines)

    def observes(self, pipeline: str) -> bool:
        """Whether this pipeline only observes."""
        said = self.switched.get(pipeline)
        return pipeline in self._file if said is None else said.observes

    def how(self, output: str) -> str:
        """Return how an output is out of its rules' hands, "" where it is not."""
        override = self.overrides.get(output)
        if override is not None:
            return override.how
        return OBSERVE if self.observes(self._of[output]) else ""

    def value(self, output: str) -> float | None:
        """Return where a setpoint stands that is out of its rules' hands; None of what is no setpoint."""
        plan, override = self.outputs[output], self.overrides.get(output)
        if plan.kind != "setpoint":
            return None
        return float(plan.safe) if override is None or override.value is None else override.value

    def outputs_of(self, pipeline: str) -> list[str]:
        """Return the names of a pipeline's outputs."""
        return [one.name for one in self._pipelines[pipeline].outputs]

    def pipeline_of(self, output: str) -> str:
        """Return whose output it is."""
        return self._of[output]

    def switch(self, pipeline: str, observes: bool, by: str, why: str, now: Instant) -> None:
        """A person says whether a pipeline observes."""
        said = Switched(observes, by, why[:LONGEST_TEXT], now.wall_ns, pipeline in self._file)
        self.switched[pipeline] = said

    def take(self, override: Override, now: Instant) -> None:
        """Take an output for a while."""
        self.overrides[override.output] = override
        self._ends[override.output] = now.t + override.left_ns(now)

    def give(self, output: str) -> Override | None:
        """End the override of an output; return which that was."""
        self._ends.pop(output, None)
        return self.overrides.pop(output, None)

    def expired(self, t: int) -> list[str]:
        """Return the outputs whose override is over at this engine time."""
        return [output for output, end_t in self._ends.items() if t >= end_t]

    def deadline(self) -> int | None:
        """Return the engine time at which the next override ends."""
        return min(self._ends.values(), default=None)

    def rest(self, output: str) -> str:
        """Say what an output does while nobody acts on it, and what that means for what comes along."""
        plan = self.outputs[output]
        match plan.kind:
            case "setpoint":
                return f"{output} stays at its safe value, {plan.safe:g} {plan.unit}".rstrip()
            case "pulse" if output in self._items:
                item: ItemPlan = self._items[output]
                return f"{output} stays in its safe state ({plan.safe}): every {item.name} is without its act, diverted"
            case "pulse":
                return f"{output} stays in its safe state ({plan.safe})"
        return f"what rules want of {output} meanwhile is recorded, and not done later"

    def as_map(self) -> dict[str, Any]:
        """Return what the file keeps."""
        return {
            "switched": {name: asdict(one) for name, one in self.switched.items()},
            "overrides": [asdict(one) for one in self.overrides.values()],
        }

    def report(self, t: int) -> dict[str, Any]:
        """Return it as JSON writes it, for status: of each pipeline whether it observes, and every override."""
        return {
            "observes": {name: self.said(name) for name in self._pipelines if self.observes(name)},
            "acts": [name for name in self._pipelines if not self.observes(name)],
            "overrides": [
                {
                    **{key: value for key, value in asdict(one).items() if not key.startswith(("since_t", "since_m"))},
                    "until_ns": one.until_ns,
                    "left_s": round(max(0, self._ends[one.output] - t) / 1e9, 3),
                    "rest": self.rest(one.output) if one.how == BYPASS else "",
                    "text": str(one),
                }
                for one in self.overrides.values()
            ],
        }

    def said(self, pipeline: str) -> dict[str, Any]:
        """Return who said whether a pipeline observes, why and since when."""
        said = self.switched.get(pipeline)
        if said is None:
            return {"by": "the device file", "why": "", "since_ns": None}
        return {"by": said.by, "why": said.why, "since_ns": said.since_ns}

    def _resume(self, one: Override, now: Instant) -> None:
        if one.output not in self.outputs:
            self.over.append((one, "the plan has no such output any more"))
        elif one.left_ns(now) > 0:
            self.take(one, now)
        elif one.boot != now.boot and not now.is_gap_known:
            self.over.append((one, "nobody knows how long it has been: the clock went back"))
        else:
            self.over.append((one, "its time is over"))
