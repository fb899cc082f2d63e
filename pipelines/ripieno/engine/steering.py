"""Rules over time: looked at after every new value and at their own deadlines; they change setpoints, verify the
change, and book.

A setpoint whose rules are all blind (their conditions unknown) for longer than its lease is let go: it takes its safe
value, and is steered from there once something is known again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ripieno.plan import AggregateRef, BookingEffect, Operand, PipelinePlan, RulePlan, SetpointEffect
from ripieno.rules import Accumulator, Turning
from ripieno.values import UNKNOWN

from .bookings import Bookings
from .condition import Condition
from .conditions import conditions
from .effects import Alarm, Fired, Set
from .recipes import Recipes
from .scene import Scene, Value
from .watch import Trial, Watch

if TYPE_CHECKING:
    from .handover import Handover


class Steering:
    """All rules without `each`."""

    def __init__(self, plan: PipelinePlan, scene: Scene, bookings: Bookings, recipes: Recipes) -> None:
        self._scene, self._bookings = scene, bookings
        self._watches = [Watch(rule) for rule in plan.rules if not rule.each]
        self._recipes = recipes
        self._when = conditions([watch.rule.when for watch in self._watches])
        self._awake = set(range(len(self._watches)))  # those that time may move: true, or on a schedule
        self._trials: set[int] = set()  # those whose change is being verified
        self._that = {w.rule.name: Condition(w.rule.verify.that) for w in self._watches if w.rule.verify is not None}
        self._amounts = {
            (watch.rule.name, index): Condition(effect.value)
            for watch in self._watches
            for index, effect in enumerate(watch.rule.do)
            if isinstance(effect, SetpointEffect)
        }
        self._samplers: dict[str, list[tuple[Condition, Accumulator]]] = {}
        for aggregate, accumulator in zip(plan.aggregates, scene.accumulators, strict=True):
            self._samplers.setdefault(aggregate.on, []).append((Condition(aggregate.of), accumulator))
        self._steered_by = {
            output: [
                number
                for number, watch in enumerate(self._watches)
                if any(_sets(effect, output) for effect in watch.rule.do)
            ]
            for output in scene.setpoints
        }
        self._blind_since: dict[str, int] = {}
        self._turning = Turning([w.rule.when for w in self._watches if not w.rule.every_ns], plan.aggregates)

    def use_recipe(self) -> None:
        """Go on with the numbers of the recipe in force; what is being timed or tried goes on."""
        for watch in self._watches:
            watch.rule = self._recipes.rule(watch.rule.name, self._scene.recipe)
        self._when = conditions([watch.rule.when for watch in self._watches])
        self._turning = Turning(
            [w.rule.when for w in self._watches if not w.rule.every_ns], self._scene.plan.aggregates
        )
        self._awake = set(range(len(self._watches)))

    def sample(self, source: str, fields: dict[str, object] | None) -> None:
        """Feed each aggregate over `source` with its new value; None is an unknown sample."""
        for of, accumulator in self._samplers.get(source, ()):
            value: Value = UNKNOWN
            if fields is not None:
                value, _ = of.value(lambda read: fields.get(getattr(read, "field", ""), UNKNOWN))
            accumulator.add(self._scene.t, value)

    def decided(self) -> None:
        """One more item has a verdict: trials that count items come closer to theirs."""
        for number in self._trials:
            trial = self._watches[number].trial
            if trial is not None and trial.left_items > 0:
                trial.left_items -= 1

    def look(self, t: int) -> None:
        """Judge trials that are due, then let every rule see its condition and act if it fires."""
        for number in sorted(self._trials):
            self._judge(number, t)
        for number in sorted(self._awake.union(self._when.look(self._scene.look_up))):
            watch, holds = self._watches[number], self._when.value(number) is True
            if watch.see(holds, t):
                self._act(number, t, *self._when.seen(number))
            if holds or watch.rule.every_ns:
                self._awake.add(number)
            else:
                self._awake.discard(number)
        self._let_go(t)

    def watch(self, rule: str) -> Watch:
        """Return the state of a rule over time. Raises KeyError."""
        return {watch.rule.name: watch for watch in self._watches}[rule]

    def would_set(self, rule: RulePlan) -> list[tuple[str, float, float | None, str]]:
        """Return what the rule would do now, for each output that it sets: its name, value, the value that it would
        take (None: unknown) and the rule that has it on trial ("": none).
        """
        found: list[tuple[str, float, float | None, str]] = []
        for index, effect in enumerate(rule.do):
            if isinstance(effect, SetpointEffect):
                amount, _ = self._amounts[rule.name, index].value(self._scene.look_up)
                known = isinstance(amount, (int, float)) and not isinstance(amount, bool)
                after = self._bounded(effect, float(amount))[1] if known else None  # type: ignore[arg-type]
                trials = (one.rule.name for one in self._watches if one.trial and one.trial.output == effect.output)
                found.append((effect.output, self._scene.setpoints[effect.output], after, next(trials, "")))
        return found

    def deadline(self, t: int) -> int | None:
        """Return the earliest time at which `look` is needed though nothing happens."""
        waits = [due for number in self._awake if (due := self._watches[number].deadline(t)) is not None]
        waits += [due for number in self._trials if (due := self._watches[number].deadline(t)) is not None]
        scene = self._scene
        if (turns := self._turning.next_ns(t, scene.accumulators, scene.look_up, scene.lapses)) is not None:
            waits.append(turns)
        waits += [since + scene.outputs[output].lease_ns for output, since in self._blind_since.items()]
        return min(waits, default=None)

    def gap(self, t: int, gap_ns: int) -> None:
        """Tell every rule how long no process ran, and that it runs again at `t`."""
        for watch in self._watches:
            watch.gap(t, gap_ns)

    def forget_trials(self, output: str) -> None:
        """The output is taken, or given back: a change that was on trial can no longer be judged."""
        for number in sorted(self._trials):
            trial = self._watches[number].trial
            if trial is not None and trial.output == output:
                self._watches[number].trial = None
                self._trials.discard(number)
        self._blind_since.pop(output, None)

    def state(self) -> list[Any]:
        """Return what a snapshot keeps."""
        return [{watch.rule.name: watch.state() for watch in self._watches}, self._blind_since]

    def restore(self, state: list[Any]) -> None:
        """Take back what `state` returned; rules that the snapshot does not know begin anew."""
        watches, self._blind_since = state
        if self._scene.recipe:
            self.use_recipe()
        self._awake = set(range(len(self._watches)))
        for watch in self._watches:
            if watch.rule.name in watches:
                watch.restore(watches[watch.rule.name])
        self._trials = {number for number, watch in enumerate(self._watches) if watch.trial is not None}

    def take_over(self, before: Steering, by: Handover) -> None:
        """Go on with rules that are the same, and with the setpoints in force: none moves without a record of it."""
        if self._scene.recipe:
            self.use_recipe()
        theirs = {watch.rule.name: watch for watch in before._watches}
        for watch in self._watches:
            if watch.rule.name in by.same.rules:
                watch.restore(theirs[watch.rule.name].state())
        self._trials = {number for number, watch in enumerate(self._watches) if watch.trial is not None}
        for watch in theirs.values():
            if watch.trial is not None and watch.rule.name not in by.same.rules:
                output = watch.trial.output
                by.news.append(["unverified", watch.rule.name, output, before._scene.setpoints[output]])
        for output, value in before._scene.setpoints.items():
            after = self._inherited(output, value, before, by)
            if output in self._scene.setpoints:
                self._scene.setpoints[output] = after
            if after != value:
                bounded = output in self._scene.setpoints and after != float(self._scene.outputs[output].safe)
                by.news.append(["set", output, "bounded" if bounded else "let-go", value, after])

    def _inherited(self, output: str, value: float, before: Steering, by: Handover) -> float:
        """Return what a setpoint is under this plan: what it was, within its range; safe where no rule steers it."""
        was, now = before._scene.outputs[output], self._scene.outputs.get(output)
        if now is None or now.kind != "setpoint":
            return float(was.safe)
        if now.unit != was.unit or output in by.severed:
            return float(now.safe)
        if not self._steered_by[output] and output not in self._scene.taken:
            return float(now.safe)
        return min(now.high, max(now.low, value))

    def _let_go(self, t: int) -> None:
        """Let setpoints take their safe value whose rules have all been blind for longer than the lease."""
        scene = self._scene
        for output, numbers in self._steered_by.items():
            safe = float(scene.outputs[output].safe)
            if output in scene.taken or not numbers or scene.setpoints[output] == safe or not self._is_blind(output):
                self._blind_since.pop(output, None)
                continue
            since = self._blind_since.setdefault(output, t)
            if t - since < scene.outputs[output].lease_ns:
                continue
            del self._blind_since[output]
            before, scene.setpoints[output] = scene.setpoints[output], safe
            for number in numbers:
                self._watches[number].trial = None
                self._trials.discard(number)
            scene.counters["setpoints_let_go"] += 1
            text = f"{output}: nothing is known that it is steered by; it goes back to {safe:g}"
            scene.effects += [
                Set(scene.setpoint(output)),
                Fired(self._watches[numbers[0]].rule.name, "let-go", output, before, safe, ()),
                Alarm("steering-blind", text),
            ]

    def _is_blind(self, output: str) -> bool:
        return all(self._when.value(number) is UNKNOWN for number in self._steered_by[output])

    def _act(self, number: int, t: int, reads: Sequence[Operand | AggregateRef], values: list[object]) -> None:
        watch, scene = self._watches[number], self._scene
        operands = scene.operands(reads, values)
        trial: Trial | None = None
        acted = self._bookings.book(f"{watch.rule.name}@{t}", watch.rule, scene.look_up) > 0
        is_withheld = False
        if acted:
            hows = {scene.taken.get(one.output) for one in watch.rule.do if isinstance(one, BookingEffect)}
            what = "booked" if None in hows else f"withheld: {min(how for how in hows if how)}"
            scene.effects.append(Fired(watch.rule.name, what, "", 0.0, 0.0, operands))
        for index, effect in enumerate(watch.rule.do):
            if not isinstance(effect, SetpointEffect) or self._on_trial(effect.output):
                continue
            amount, _ = self._amounts[watch.rule.name, index].value(scene.look_up)
            if isinstance(amount, bool) or not isinstance(amount, (int, float)):
                continue
            before, after = self._bounded(effect, float(amount))
            if after == before:
                self._at_limit(watch, effect.output, before)
                continue
            acted = True
            if how := scene.taken.get(effect.output):
                is_withheld = True
                scene.counters[f"withheld_{how}"] += 1
                scene.effects.append(Fired(watch.rule.name, f"withheld: {how}", effect.output, before, after, operands))
                continue
            scene.setpoints[effect.output] = after
            scene.effects += [
                Set(scene.setpoint(effect.output)),
                Fired(watch.rule.name, "changed", effect.output, before, after, operands),
            ]
            trial = self._trial(watch.rule, effect.output, after - before, t)
            scene.counters["corrections"] += 1
        if acted:
            watch.fired(t, trial, is_withheld)
            if trial is not None:
                self._trials.add(number)

    def _judge(self, number: int, t: int) -> None:
        watch = self._watches[number]
        trial, verify = watch.trial, watch.rule.verify
        if trial is None or verify is None or trial.left_items > 0 or t < trial.judge_t:
            return
        condition = self._that[watch.rule.name]
        value, operands = condition.value(self._scene.look_up)
        seen = self._scene.operands(condition.reads, operands)
        scene, watch.trial = self._scene, None
        self._trials.discard(number)
        before = scene.setpoints[trial.output]
        if value is True:
            scene.counters["corrections_verified"] += 1
            scene.effects.append(Fired(watch.rule.name, "verified", trial.output, before, before, seen))
            return
        if verify.otherwise == "undo":
            output = scene.outputs[trial.output]
            scene.setpoints[trial.output] = min(output.high, max(output.low, before - trial.change))
            scene.effects.append(Set(scene.setpoint(trial.output)))
            scene.counters["corrections_undone"] += 1
        after = scene.setpoints[trial.output]
        scene.effects += [
            Fired(watch.rule.name, "undone" if after != before else "not-verified", trial.output, before, after, seen),
            Alarm("change-without-effect", f"{watch.rule.name}: the change of {trial.output} did not show its effect"),
        ]
        watch.rest_until_t = t + watch.rule.cooldown_ns

    def _trial(self, rule: RulePlan, output: str, change: float, t: int) -> Trial | None:
        verify = rule.verify
        if verify is None:
            return None
        return Trial(output, change, verify.after_items, t + verify.after_ns if verify.after_ns else 0)

    def _on_trial(self, output: str) -> bool:
        # One change at a time: with two under way nobody could say which of them had the effect.
        trials = (self._watches[number].trial for number in self._trials)
        return any(trial is not None and trial.output == output for trial in trials)

    def _bounded(self, effect: SetpointEffect, amount: float) -> tuple[float, float]:
        output = self._scene.outputs[effect.output]
        before = self._scene.setpoints[effect.output]
        wanted = before + amount if effect.verb == "change" else amount
        bounded = min(before + output.step, max(before - output.step, wanted)) if output.step else wanted
        return before, round(min(output.high, max(output.low, bounded)), 9)

    def _at_limit(self, watch: Watch, output: str, value: float) -> None:
        if not watch.at_limit:
            watch.at_limit = True
            text = f"{watch.rule.name}: {output} is at its limit ({value:g}); it cannot be changed further"
            self._scene.effects.append(Alarm("setpoint-at-limit", text))


def _sets(effect: object, output: str) -> bool:
    return isinstance(effect, SetpointEffect) and effect.output == output
