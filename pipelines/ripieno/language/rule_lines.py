"""The rules of a pipeline file -> RulePlans, each with its conditions, acts and what happens otherwise."""

from __future__ import annotations

from ripieno.plan import Const, Effect, PulseEffect, RulePlan, SetpointEffect, VerifyPlan

from .actions import Actions
from .expressions.grammar import Grammar
from .expressions.scope import Scope, Spot
from .expressions.typed import Typed
from .names import entries
from .nearest import did_you_mean, nearest
from .sections.items import MovingItem, StandingItem
from .sections.rules import Rule
from .shape import build, join
from .source import Node
from .verdicts import UNDECIDED, Verdicts
from .world import Item, World

ENDS = ("diverted", "passed")
OVER_TIME = ("for", "after_gap", "cooldown", "verify", "every")


class Rules:
    """Reads all rules of one file."""

    def __init__(self, world: World, scope: Scope, root: Node) -> None:
        self.world, self.scope, self._root = world, scope, root
        self.actions = Actions(scope, world)
        self.verdicts = Verdicts(world)
        self._openers: dict[str, tuple[str, int]] = {}

    def read(self) -> list[RulePlan]:
        """Return the rules that are whole; what is wrong with the others is reported."""
        plans = []
        built = []
        for name, (node, place) in entries(self._root, "rules").items():
            rule, right = build(Rule, node, f"rules.{name}", self.world.report)
            if rule is None:
                self.verdicts.note_unread(right)
                self._expressions_only(f"rules.{name}", right)
                continue
            self.verdicts.note(rule)
            built.append(_Reading(self, name, rule, right, place[0]))
        for one in built:
            plan = one.plan()
            if plan is not None:
                plans.append(plan)
        self.verdicts.check()
        return plans

    def _expressions_only(self, path: str, node: Node) -> None:
        """Look at the conditions of a rule whose shape is wrong, so that their problems are told in the same pass."""
        when, each = node.mapping.get("when"), node.mapping.get("each")
        kind = each.text if each is not None and isinstance(each.value, str) else ""
        if when is not None and isinstance(when.value, str):
            Grammar(self.scope, Spot(when, join(path, "when"), kind)).condition()
        do = node.mapping.get("do")
        for one in do.value if do is not None and isinstance(do.value, tuple) else (do,):
            if one is not None and isinstance(one.value, str):
                self.actions.read(Spot(one, join(path, "do"), kind))

    def claim(self, output: str, rule: str, line: int) -> tuple[str, int] | None:
        """Return the rule (and its line) that already acts on this pulse output; note this one if there is none."""
        first = self._openers.setdefault(output, (rule, line))
        return None if first == (rule, line) else first


class _Reading:
    """Reads one rule."""

    def __init__(self, rules: Rules, name: str, rule: Rule, node: Node, line: int) -> None:
        self._rules, self._name, self._rule, self._node, self._line = rules, name, rule, node, line
        self._world, self._scope, self._report = rules.world, rules.scope, rules.world.report
        self._path = f"rules.{name}"
        self._each = rule.each or ""

    def plan(self) -> RulePlan | None:
        before = len(self._report.found)
        rule = self._rule
        if rule.each is not None:
            at = self._node.mapping["each"]
            place = (at.line, at.column)
            known = self._scope.names.use(rule.each, ("item",), place, join(self._path, "each"), self._report)
            items = list(self._world.items)
            of_steps = [source.each for source in self._scope.sources.values()]
            if known is None and items and rule.each not in of_steps:  # go on with the one that may be meant
                self._each = nearest(rule.each, items) or items[0]
        after = self._after()
        when = self._condition("when", self._node, may_be_true=rule.every is not None)
        effects = self._effects()
        self._check_kind(effects)
        verify = self._verify(effects)
        verdict = self._verdict(effects, after, when)
        if len(self._report.found) > before:
            return None
        return RulePlan(
            name=self._name,
            each=self._each,
            after=after,
            when=when.tree if when is not None else Const(True),
            text=rule.when or "",
            for_ns=rule.for_ or 0,
            after_gap=rule.after_gap,
            cooldown_ns=rule.cooldown,
            do=tuple(effects),
            otherwise=rule.else_ or "hold",
            verdict=verdict,
            verify=verify,
            source=f"{self._report.file}:{self._line}",
            every_ns=rule.every or 0,
        )

    @property
    def _item(self) -> Item | None:
        return self._world.items.get(self._each)

    def _at(self, key: str, message: str, hint: str = "") -> None:
        node = self._node.mapping.get(key)
        place = (node.line, node.column) if node is not None else (self._line, self._node.column)
        self._report.add(*place, join(self._path, key) if node is not None else self._path, message, hint)

    def _condition(self, key: str, node: Node, may_be_true: bool = False) -> Typed | None:
        text = node.mapping.get(key)
        if text is None:
            return None
        path = join(self._path if node is self._node else f"{self._path}.verify", key)
        each = self._each if node is self._node else ""
        return Grammar(self._scope, Spot(text, path, each)).condition(may_be_true)

    def _after(self) -> str:
        """Return `output.diverted`, `output.passed`, or `item.VERDICT`."""
        after = self._rule.after
        if after is None:
            return ""
        name, _, end = after.partition(".")
        node = self._node.mapping["after"]
        place, path = (node.line, node.column), join(self._path, "after")
        if not self._each:
            self._at("after", "is for rules with 'each'", "it waits for the end of an item's way")
        if isinstance(self._item, StandingItem):
            self._rules.verdicts.check_after(self._each, name, end, node, path)
            return after
        if self._item is None and name == self._each and name in self._scope.names.known("item"):
            return after  # of an item that has problems of its own
        if self._scope.names.use(name, ("output",), place, path, self._report) is None:
            return after
        if end not in ENDS:
            near = nearest(end, ENDS) or ENDS[0]
            self._at("after", f"an item is {' or '.join(ENDS)} (got '{after[:60]}')", f"such as {name}.{near}")
        item = self._item
        if isinstance(item, MovingItem) and name in self._world.outputs and name != item.decide_before:
            self._at("after", f"should be the output that decides about a {self._each}, '{item.decide_before}'")
        return after

    def _effects(self) -> list[Effect]:
        node = self._node.mapping["do"]
        lines = node.value if isinstance(node.value, tuple) else (node,)
        path = join(self._path, "do")
        found = [self._rules.actions.read(Spot(line, path, self._each)) for line in lines]
        return [effect for effect in found if effect is not None]

    def _check_kind(self, effects: list[Effect]) -> None:
        rule, given = self._rule, self._node.mapping
        if self._each:
            if "when" not in given and "after" not in given:
                self._at("", "missing key 'when'", "an undecided item must not pass")
            for key in OVER_TIME:
                if key in given:
                    self._at(key, "is for rules over time", "remove it, or remove 'each'")
            if isinstance(self._item, StandingItem):
                if "else" in given:
                    hint = f"a rule with after: {self._each}.{UNDECIDED} says what happens to one that is not decided"
                    self._at("else", f"is for parts on a belt, and a {self._each} stands", hint)
            elif "else" not in given and any(isinstance(effect, PulseEffect) for effect in effects):
                self._at(
                    "", "missing key 'else'", "what happens when 'when' is false, unknown or too late: divert or hold"
                )
            return
        if rule.every is not None:
            for key in ("for", "cooldown"):
                if key in given:
                    self._at(key, "is for rules without a schedule", "remove it, or remove 'every'")
        elif "when" not in given and "every" not in given:
            self._at("", "missing key 'when'")
        if rule.else_ is not None:
            self._at("else", "is for rules with 'each'")
        if rule.verdict is not None:
            self._at("verdict", "is for rules with 'each'", "an item that stands is decided")

    def _verdict(self, effects: list[Effect], after: str, when: Typed | None) -> str:
        """Return "good" if the rule lets a moving item through, the word of the file if it decides a standing one."""
        item = self._item
        if isinstance(item, StandingItem):
            return self._rules.verdicts.take(self._each, self._name, self._rule, self._node, self._path, when)
        if self._rule.verdict is not None and item is not None:
            hint = f"a {self._each} is let through by the pulse at '{item.decide_before}'"
            self._at("verdict", f"is for items that stand, and a {self._each} moves", hint)
        verdict = ""
        for effect in effects:
            if item is None or not isinstance(effect, PulseEffect):
                continue
            if effect.output not in item.places:
                hint = did_you_mean(effect.output, item.places)
                what = f"{effect.output} has no place on the way of a {self._each}: items.{self._each}.places"
                self._at("do", what, f"{hint} The place is named like the output")
            elif effect.output == item.decide_before and not after:
                verdict = "good"
            first = self._rules.claim(effect.output, self._name, self._line)
            if first is not None:
                what = f"rule '{first[0]}' acts on '{effect.output}' already"
                self._at("do", what, f"line {first[1]}; join the conditions with 'or'")
        return verdict

    def _verify(self, effects: list[Effect]) -> VerifyPlan | None:
        verify, node = self._rule.verify, self._node.mapping.get("verify")
        if verify is None or node is None:
            return None
        that = self._condition("that", node)
        at = node.mapping["after"]
        path = f"{self._path}.verify"
        kinds = [*self._world.items, *(one.each for one in self._scope.sources.values() if one.each)]
        items_known = [*(f"{kind}s" for kind in kinds), *kinds, "items"]
        if verify.after.kind == "count":
            if verify.after.word not in items_known:
                what = f"wants a count such as 20 {items_known[0]} or a duration such as 60s (got '{at.text}')"
                self._report.add(
                    at.line, at.column, f"{path}.after", what, did_you_mean(verify.after.word, items_known)
                )
            elif not 1 <= verify.after.value <= 1_000_000 or verify.after.value % 1:
                self._report.add(
                    at.line, at.column, f"{path}.after", f"should be a whole number of items (got '{at.text}')"
                )
        elif verify.after.value <= 0:
            self._report.add(at.line, at.column, f"{path}.after", f"should be greater than 0 (got '{at.text}')")
        if verify.else_ == "undo" and not any(isinstance(effect, SetpointEffect) for effect in effects) and effects:
            place = node.mapping["else"]
            self._report.add(
                place.line, place.column, f"{path}.else", "only the change of a setpoint can be undone", "alarm"
            )
        if that is None:
            return None
        is_count = verify.after.kind == "count"
        after = int(verify.after.value)
        return VerifyPlan(after if is_count else 0, 0 if is_count else after, that.tree, verify.else_)
