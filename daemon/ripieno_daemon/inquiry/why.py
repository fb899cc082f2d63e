"""Why: the chain of causes of one recorded decision, with every value."""

from __future__ import annotations

from typing import Any

from ripieno.engine.items import item_of
from ripieno.plan import Plan

from .item_chain import ItemChain
from .names import find_decision
from .past import Past
from .rerun import CannotAnswer, Rerun
from .rule_chain import RuleChain


def why(past: Past, words: str, given: Plan | None = None) -> dict[str, Any]:
    """Return the chain of the decision that `words` name.

    Raises:
        CannotAnswer: no decision, or several, are meant, or its events cannot be run again.
    """
    record, body = find_decision(past, words)
    head = {"id": body["id"], "record": record, "plan": body["plan"]}
    rerun = Rerun(past, given)
    if "item" in body:
        item = item_of(body["item"])
        assert item is not None  # the record of a decision about an item names one
        chain = ItemChain(item)
        for moment in rerun.moments():
            chain.take(moment)
            if chain.is_complete:
                break
        if chain.decision is not None and chain.decision["verdict"] == body["verdict"]:
            stands = next((one.stands for one in moment.plan.items if one.name == item.kind), False)
            return head | {"stands": stands} | _item(chain, body)
    else:
        rule = RuleChain(body["rule"], record)
        for moment in rerun.moments():
            rule.take(moment)
            if rule.is_complete:
                break
        if rule.found is not None:
            return head | {"kind": "rule"} | rule.found
    reason = rerun.missing[-1].why if rerun.missing else "the record does not lead to it (ripieno replay says where)"
    raise CannotAnswer(f"{body['id']}, record {record}, cannot be made again: {reason}")


def _item(chain: ItemChain, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "kind": "item",
        "item": body["item"],
        "verdict": body["verdict"],
        "edge": chain.edge,
        "message": chain.message,
        "pictures": chain.pictures,
        "plans": chain.plans,
        "starts": chain.starts,
        "answers": chain.answers,
        "steps": chain.steps,
        "decision": chain.decision,
        "acts": list(chain.acts.values()),
        "withheld": chain.withheld,
        "closed": chain.closed,
        "bookings": list(chain.bookings.values()),
    }
