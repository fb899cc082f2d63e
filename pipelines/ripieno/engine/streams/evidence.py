"""Which numbers of a sensor are evidence, and why the others are not: an alarm when that changes.

A number that is not finite, not plausible, at the sensor's rail, or the very same for too long stands for nothing:
the field is unknown. What came out of order, or from a clock that runs ahead, is not taken at all.

Where the pipeline has belts, the time in which none of them moves does not count: at a line that rests nothing changes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from ripieno.plan import FieldLimits, InputPlan, PipelinePlan
from ripieno.values import Health

from ..belts import MOVED_MM, Belts, way_mm
from ..effects import Alarm
from ..events import ReadingSeen
from ..scene import Scene

if TYPE_CHECKING:
    from ..handover import Handover

REST_NS = 10_000_000_000  # a belt that takes longer for its next 20 mm rests; or a quarter of `stuck_after`
AHEAD_NS = 5_000_000  # the clocks of one host agree much better; a sensor's own may not


class Evidence:
    """The judge of all reading inputs. Keeps of each number with a `stuck_after` its value, since when it is so, how
    long the line moved meanwhile, and when and where it was last seen to have moved.
    """

    def __init__(self, plan: PipelinePlan, scene: Scene, belts: Belts) -> None:
        self._scene, self._belts = scene, belts
        self._inputs: dict[str, InputPlan] = {one.name: one for one in plan.inputs if one.kind == "reading"}
        self._limits = {name: {limits.field: limits for limits in one.limits} for name, one in self._inputs.items()}
        self._same: dict[str, list[Any]] = {}  # "input.field" -> [value, since, moved for, seen at, where]
        self._doubts: dict[str, str] = {}  # "input" or "input.field" -> health

    def judge(self, event: ReadingSeen) -> dict[str, object] | None:
        """Return the fields that are evidence; None where the whole reading is none."""
        plan = self._inputs[event.input]
        health, why = self._whole(event)
        self._note(event.input, health, why)
        fields: dict[str, object] = {}
        if health is Health.GOOD:
            for (name, unit), value in zip(plan.fields, event.values, strict=True):
                limits = self._limits[event.input].get(name)
                doubt, text = self._field(f"{event.input}.{name}", value, unit, limits, event.taken_t)
                self._note(f"{event.input}.{name}", doubt, text)
                if doubt is Health.GOOD:
                    fields[name] = value
        return fields if health is Health.GOOD else None

    def take_over(self, before: Evidence, by: Handover) -> None:
        """Go on with what is known of inputs that are the same."""
        known = by.same.inputs
        self._same = {name: [*kept] for name, kept in before._same.items() if name.partition(".")[0] in known}
        self._doubts = {name: doubt for name, doubt in before._doubts.items() if name.partition(".")[0] in known}

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [self._same, self._doubts]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned."""
        same, self._doubts = state
        self._same = {name: kept if len(kept) > 2 else [*kept, 0, kept[1], ()] for name, kept in same.items()}

    def _whole(self, event: ReadingSeen) -> tuple[Health, str]:
        before_t, _, _ = self._scene.readings.get(event.input, (0, "", ()))
        if event.health != Health.GOOD:
            return Health(event.health), f"the sensor's reading is {event.health}"
        if event.taken_t > event.t + AHEAD_NS:
            return Health.CLOCK_DRIFT, f"its clock is {(event.taken_t - event.t) / 1e6:.0f} ms ahead"
        if event.taken_t < before_t:
            return Health.CLOCK_DRIFT, f"a reading came {(before_t - event.taken_t) / 1e6:.0f} ms out of order"
        return Health.GOOD, ""

    def _field(self, name: str, value: float, unit: str, limits: FieldLimits | None, t: int) -> tuple[Health, str]:
        if not math.isfinite(value):
            return Health.NON_FINITE, "is no finite number"
        if limits is None:
            return Health.GOOD, ""
        if value <= limits.rail_low or value >= limits.rail_high:
            return Health.SATURATED, f"is at the sensor's limit ({value:g} {unit})"
        if not limits.low <= value <= limits.high:
            return Health.OUT_OF_RANGE, f"{value:g} {unit} is not plausible ({limits.low:g} to {limits.high:g})"
        if limits.stuck_ns:
            same = self._same.setdefault(name, [value, t, 0, t, self._belts.where()])
            if same[0] != value:
                same[:] = [value, t, 0, t, self._belts.where()]
            elif self._counted_ns(same, t, min(REST_NS, limits.stuck_ns // 4)) >= limits.stuck_ns:
                return Health.STUCK, f"has been {value:g} {unit} for {(t - same[1]) / 1e9:.1f} s without any change"
        return Health.GOOD, ""

    def _counted_ns(self, same: list[Any], t: int, rest_ns: int) -> int:
        """Return for how long it has been the same number while something could have changed it."""
        _, since_t, moved_ns, seen_t, where = same
        if not self._belts:
            return int(t - since_t)
        now = self._belts.where()
        if len(where) == len(now) and way_mm(where, now) > MOVED_MM:
            same[2:] = [moved_ns + t - seen_t, t, now]
        elif len(where) != len(now) or t - seen_t >= rest_ns:
            same[3:] = [t, now]
        return int(same[2])

    def _note(self, name: str, health: Health, why: str) -> None:
        before = self._doubts.get(name, Health.GOOD.value)
        if health == before:
            return
        self._doubts[name] = health.value
        self._scene.counters[f"readings_{health.value}"] += 1
        text = why or "is good again"
        self._scene.effects.append(Alarm(f"reading-{health.value}", f"{name}: {text}"))
