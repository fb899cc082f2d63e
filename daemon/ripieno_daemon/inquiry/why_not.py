"""Why not: what kept a rule from acting at a time, and by how much."""

from __future__ import annotations

import re
from typing import Any

from ripieno.engine import Decided, Engine, Started
from ripieno.engine.items import item_of
from ripieno.plan import PipelinePlan, Plan, RulePlan
from ripieno.rules.spoken import value_text

from .item_chain import ItemChain, rule_plain
from .names import find_decision
from .past import Past, Row
from .rerun import CannotAnswer, Moment, Rerun
from .seen import Seen
from .terms import blocking, distance
from .times import at, wall_ns_of

BEYOND_NS = 2_000_000_000  # a running belt is recorded once a second: later, nobody knows
SECONDS = re.compile(r"\d+(\.\d+)? ?s?")


def why_not(past: Past, rule: str, words: str, given: Plan | None = None) -> dict[str, Any]:
    """Return what blocked the rule at the time, or the item, that `words` name; `blocks` is empty if nothing did.

    `words`: seconds of the engine's clock, a UTC time, or an item or decision as `find_decision` takes it.

    Raises:
        CannotAnswer: no such time, decision or rule in the record.
    """
    t_ns = _time(past, words)
    record, decided = (0, None) if t_ns is not None else find_decision(past, words)
    rerun, last = Rerun(past, given), None
    item = str(decided["item"]) if decided is not None and "item" in decided else ""
    latest: dict[str, str] = {}  # item kind -> the one that was decided last
    fired, down, ended = None, None, True
    for moment in rerun.moments():
        if t_ns is not None and moment.row.t_ns > t_ns:
            down, ended = _down(moment, t_ns), False
            break
        last = moment
        moment.step()
        for effect in moment.effects or ():
            if isinstance(effect, Decided):
                latest[effect.item.kind] = str(effect.item)
            if type(effect).__name__ == "Fired" and is_rule(getattr(effect, "rule", ""), rule):
                fired = {**at(moment.row, moment.event.t), "what": getattr(effect, "what", "")}
        if t_ns is None and any(row.id >= record for row in (moment.row, *moment.told)):
            ended = False
            break
    if last is None:
        reason = rerun.missing[0].why if rerun.missing else "the record begins later"
        raise CannotAnswer(f"nothing can be said of {words!r}: {reason}")
    if ended and t_ns is not None and t_ns > last.row.t_ns + BEYOND_NS:
        raise CannotAnswer(f"the record ends at {last.row.t_ns / 1e9:.3f} s")
    plan = _rule(last.plan, rule)
    if plan.each:
        item = item or latest.get(plan.each, "")
        if not item:
            raise CannotAnswer(f"{rule} runs once for each {plan.each}, and none was decided before {words}")
        if (named := item_of(item)) is None or named.kind != plan.each:
            raise CannotAnswer(f"{rule} runs once for each {plan.each}, and {item} is none")
        return _of_item(past, plan, item, given)
    answer = _over_time(last, plan, t_ns if t_ns is not None else last.row.t_ns, fired)
    if down is not None:
        answer |= {"blocked": True, "blocks": [down, *answer["blocks"]]}
    return answer


def is_rule(name: str, words: str) -> bool:
    """Whether a rule is meant: by its name, or without its pipeline's in front."""
    return words in (name, name.partition("/")[2])


def _time(past: Past, words: str) -> int | None:
    if SECONDS.fullmatch(words):
        return round(float(words.rstrip("s ")) * 1e9)
    wall_ns = wall_ns_of(words)
    if wall_ns is None:
        return None
    best: Row | None = None
    for row in past.rows():
        if row.wall_ns > wall_ns:
            break
        best = row
    if best is None:
        raise CannotAnswer(f"the record begins after {words}")
    return best.t_ns + wall_ns - best.wall_ns


def _down(after: Moment, t_ns: int) -> dict[str, Any] | None:
    """Return a block if no process ran at this time; `after` is the first event behind it."""
    event = after.event
    if not isinstance(event, Started) or event.t - event.gap_ns > t_ns:
        return None
    text = f"no daemon ran from {(event.t - event.gap_ns) / 1e9:.3f} s to {event.t / 1e9:.3f} s"
    return _block("down", text, gap_s=event.gap_ns / 1e9)


def _rule(plan: PipelinePlan, name: str) -> RulePlan:
    found = [rule for rule in plan.rules if is_rule(rule.name, name)]
    if len(found) == 1:
        return found[0]
    if found:
        raise CannotAnswer(f"{name!r} may be {len(found)} rules: {', '.join(rule.name for rule in found)}")
    raise CannotAnswer(f"the plan has no rule {name!r}; it has {', '.join(rule.name for rule in plan.rules)}")


def _block(what: str, text: str, **figures: Any) -> dict[str, Any]:
    return {"what": what, "text": text, **figures}


def _conditions(terms: dict[str, Any]) -> list[dict[str, Any]]:
    blocks = []
    for leaf in blocking(terms):
        text = f"{leaf['term']} is {leaf['is']}: {distance(leaf)}".rstrip(": ")
        blocks.append(_block("condition", text, term=leaf["term"], margin=leaf.get("margin"), why=leaf.get("why", "")))
    return blocks


def _over_time(last: Moment, rule: RulePlan, t_ns: int, fired: dict[str, Any] | None) -> dict[str, Any]:
    engine = last.engine
    engine.scene.t = t_ns = max(engine.scene.t, t_ns)  # a window in time is looked at now
    watch, seen = engine.steering.watch(rule.name), Seen(engine)
    rule = watch.rule  # with the numbers of the recipe in force
    terms = seen.terms(rule.when)
    blocks = _conditions(terms)
    if terms["is"] == "true" and (left_ns := (watch.since_t or t_ns) + rule.for_ns - t_ns) > 0:
        text = f"it must hold for {rule.for_ns / 1e9:g} s, {left_ns / 1e9:.3f} s are left"
        blocks.append(_block("for", text, left_s=left_ns / 1e9))
    if (left_ns := watch.rest_until_t - t_ns) > 0:
        text = f"it rests for {rule.cooldown_ns / 1e9:g} s after acting, {left_ns / 1e9:.3f} s are left"
        blocks.append(_block("cooldown", text, left_s=left_ns / 1e9))
    if watch.trial is not None:
        trial = watch.trial
        until = f"{trial.left_items} more items" if trial.left_items else f"{(trial.judge_t - t_ns) / 1e9:.3f} s"
        text = f"its change of {trial.output} by {trial.change:+g} is judged after {until}"
        blocks.append(_block("trial", text, left_items=trial.left_items))
    blocks += _outputs(engine, rule)
    return {
        "kind": "rule",
        **at(last.row, t_ns),
        "record": last.row.id,
        "rule": rule_plain(rule),
        "item": "",
        "blocked": bool(blocks),
        "blocks": blocks,
        "terms": terms,
        "windows": seen.windows(rule.when),
        "last_fired": fired,
    }


def _outputs(engine: Engine, rule: RulePlan) -> list[dict[str, Any]]:
    """Return what keeps its outputs from being changed; any output that can be is enough."""
    blocks = []
    wanted = engine.steering.would_set(rule)
    for output, before, after, on_trial_by in wanted:
        if on_trial_by and on_trial_by != rule.name:
            blocks.append(_block("trial", f"{output} is on trial by {on_trial_by}", by=on_trial_by))
        elif after is None:
            blocks.append(_block("amount", f"the amount for {output} is unknown"))
        elif after == before and not on_trial_by:
            plan = engine.scene.outputs[output]
            text = (
                f"{output} is at its limit: {value_text(before)} of {plan.low:g} to {plan.high:g} {plan.unit}".rstrip()
            )
            blocks.append(_block("limit", text, value=before))
    return blocks if len(blocks) == len(wanted) else []


def _of_item(past: Past, rule: RulePlan, item: str, given: Plan | None) -> dict[str, Any]:
    named = item_of(item)
    assert named is not None  # the record of a decision about an item names one
    chain = ItemChain(named)
    for moment in Rerun(past, given).moments():
        chain.take(moment)
        if chain.is_complete:
            break
    decision = chain.decision
    if decision is None:
        raise CannotAnswer(f"the decision of {item} cannot be made again (ripieno replay says where)")
    terms = chain.seen_by[rule.name]
    blocks = _conditions(terms)
    decided_by = decision["rule"]["name"] if decision["rule"] else ""
    if rule.verdict and decided_by != rule.name:
        who = f"{decided_by} decided" if decided_by else f"no rule was asked: {decision['why']}"
        blocks.insert(0, _block("verdict", who, why=decision["why"]))
    way = rule.after.rpartition(".")[2]
    if way and (chain.closed is None or chain.closed["way"] != way):
        now = chain.closed["way"] if chain.closed else "still under way"
        blocks.insert(0, _block("way", f"it acts on what is {way}; {item} is {now}"))
    acted = decision["verdict"] == "good" and decided_by == rule.name
    acted |= any(one["rule"] == rule.name for one in chain.bookings.values())
    return {
        "kind": "item",
        "t_s": decision["t_s"],
        "wall": decision["wall"],
        "record": decision["record"],
        "rule": rule_plain(rule),
        "item": item,
        "verdict": decision["verdict"],
        "blocked": not acted,
        "blocks": [] if acted else blocks,
        "terms": terms,
        "windows": [],
        "last_fired": None,
    }
