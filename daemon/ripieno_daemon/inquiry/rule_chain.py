"""What a rule over time did at one event, from what it saw to how its change was judged."""

from __future__ import annotations

from typing import Any

import msgpack

from ripieno import engine as rooms
from ripieno.engine.handover import BY
from ripieno.engine.watch import Watch
from ripieno.plan import RulePlan, SetpointEffect

from .item_chain import rule_plain
from .rerun import Moment
from .seen import Seen
from .times import at


class RuleChain:
    """Collects what the record says of one decision of a rule over time.

    Args:
        rule: its name.
        record: of the decision that is asked for.
    """

    def __init__(self, rule: str, record: int) -> None:
        self._rule, self._record = rule, record
        self._change = ""
        self.found: dict[str, Any] | None = None

    @property
    def is_complete(self) -> bool:
        """Whether nothing more can follow."""
        found = self.found
        return found is not None and (found["what"] != "changed" or not found["verify"] or bool(found["judged"]))

    def take(self, moment: Moment) -> None:
        """Step, and keep what concerns the decision."""
        told = [(row, msgpack.unpackb(row.payload or b"\x80", raw=False)) for row in moment.told]
        mine = [(row.id, body) for row, body in told if row.kind == "decision" and body.get("rule") == self._rule]
        asked = any(id == self._record for id, _ in mine)
        watch = self._watch(moment)
        since = watch.since_t if asked and watch is not None else None
        moment.step()
        for id, body in mine:
            if id == self._record:
                self.found = self._describe(moment, body, since)
            elif self.found is None and body.get("what") == "changed":
                self._change = body["id"]
            elif self.found is not None and body.get("what") != "changed" and not self.found["judged"]:
                self.found["judged"] = {**self._judgement(moment, body), "id": body["id"], "record": id}

    def _watch(self, moment: Moment) -> Watch | None:
        """Return the rule's state, None where the plan of this moment does not have it."""
        try:
            return moment.engine.steering.watch(self._rule)
        except KeyError:
            return None

    def _describe(self, moment: Moment, body: dict[str, Any], since_t: int | None) -> dict[str, Any]:
        watch = self._watch(moment)
        if watch is None or _by_the_plan(body):
            return _moved(moment, body)
        rule = watch.rule
        changed = body["what"] == "changed"
        wanted = changed or body["what"].startswith("withheld: ")
        tree = rule.when if wanted or rule.verify is None else rule.verify.that
        seen = Seen(moment.engine, None, [(name, value) for name, value, _ in body["operands"]])
        held_t = moment.event.t if since_t is None else since_t
        return {
            **at(moment.row, moment.event.t),
            "what": body["what"],
            "output": body["output"],
            "unit": _unit(moment, body["output"]),
            "before": body["before"],
            "after": body["after"],
            "rule": rule_plain(rule),
            "looked_at_because": _cause(moment.event),
            "terms": seen.terms(tree),
            "windows": seen.windows(tree),
            "held_since": at(moment.row, held_t) if wanted else None,
            "must_hold_s": rule.for_ns / 1e9,
            "cooldown_s": rule.cooldown_ns / 1e9,
            "wanted": [_wanted(one) for one in rule.do if isinstance(one, SetpointEffect)],
            "verify": _verify(rule) if changed else None,
            "judges": "" if wanted else self._change,
            "judged": None,
        }

    def _judgement(self, moment: Moment, body: dict[str, Any]) -> dict[str, Any]:
        watch = self._watch(moment)
        rule = None if watch is None or _by_the_plan(body) else watch.rule
        seen = Seen(moment.engine, None, [(name, value) for name, value, _ in body["operands"]])
        return {
            **at(moment.row, moment.event.t),
            "what": body["what"],
            "before": body["before"],
            "after": body["after"],
            "terms": None if rule is None or rule.verify is None else seen.terms(rule.verify.that),
        }


def _by_the_plan(body: dict[str, Any]) -> bool:
    """Whether a change of the plan did it: moved a setpoint, or took a rule away before its change was judged."""
    return body["rule"] == BY or (body["what"] == "not-verified" and not body["operands"])


def _moved(moment: Moment, body: dict[str, Any]) -> dict[str, Any]:
    plan = moment.plan
    return {
        **at(moment.row, moment.event.t),
        **{name: body[name] for name in ("what", "output", "before", "after")},
        "unit": _unit(moment, body["output"]),
        "rule": {"name": body["rule"], "source": "", "when": ""},
        "looked_at_because": f"{plan.name} {plan.version} took over from another plan",
        "terms": None,
        "windows": [],
        "held_since": None,
        "must_hold_s": 0.0,
        "cooldown_s": 0.0,
        "wanted": [],
        "verify": None,
        "judges": "",
        "judged": None,
    }


def _unit(moment: Moment, output: str) -> str:
    return next((one.unit for one in moment.plan.outputs if one.name == output), "")


def _cause(event: rooms.Event) -> str:
    match event:
        case rooms.ResultSeen(item=item) if item is not None:
            return f"{event.step} answered for {item}"
        case rooms.ResultSeen():
            return f"{event.step} answered"
        case rooms.ReadingSeen():
            return f"a reading of {event.input}"
        case rooms.Tick():
            return "time passed"
        case rooms.Started():
            return "the daemon started"
    return type(event).__name__


def _wanted(effect: SetpointEffect) -> str:
    return f"{effect.output}.{effect.verb}"


def _verify(rule: RulePlan) -> dict[str, Any] | None:
    verify = rule.verify
    if verify is None:
        return None
    return {"after_items": verify.after_items, "after_s": verify.after_ns / 1e9, "else": verify.otherwise}
