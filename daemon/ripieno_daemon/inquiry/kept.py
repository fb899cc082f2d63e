"""A recorded decision about an item, as a case of its bundle: what came in, what it had to become.

Kept is what the record says that came: message, picture, readings, the answers of models, systems and people, outcomes
of acts. What the decision owes to others (windows over earlier items, what streams said) is not: who keeps a case runs
it, and is told where it decides otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ripieno import engine as rooms
from ripieno.cases.writing import written
from ripieno.engine.items import item_of
from ripieno.plan import AskStep, LookupStep, PipelinePlan, Plan
from ripieno.values import ItemId

from .item_chain import ItemChain
from .names import find_decision
from .past import Past
from .rerun import CannotAnswer, Rerun
from .times import say

UNKNOWN, LATE, NOBODY = "unknown", "late", "nobody"


@dataclass(frozen=True, slots=True)
class Kept:
    """A case. `id`, `record`: the decision that it is of; `name`: of the case; `text`: the case file."""

    id: str
    record: int
    name: str
    text: str


def kept(past: Past, words: str, pipeline: str, given: Plan | None = None) -> Kept:
    """Return the decision that `words` name as a case of the bundle with this pipeline's name.

    Raises:
        CannotAnswer: no decision, or several, are meant; it is none about an item, or about one of another pipeline.
    """
    record, body = find_decision(past, words)
    item = item_of(body.get("item", ""))
    if item is None:
        raise CannotAnswer(f"{body['id']} is a change by a rule over time: it owes to all before it, and is no case")
    chain, readings = ItemChain(item), _Readings()
    plan: PipelinePlan | None = None
    for moment in Rerun(past, given).moments():
        plan = moment.plan
        if chain.decision is None:
            readings.take(moment.event)
        chain.take(moment)
        if chain.is_complete:
            break
    if chain.decision is None or plan is None:
        raise CannotAnswer(f"{body['id']}, record {record}, cannot be made again (ripieno replay says where)")
    own = _Own(plan, item, pipeline)
    stands = next(one.stands for one in plan.items if one.name == item.kind)
    happens = [*readings.happenings(plan), {own.name(item.kind): dict(_told(plan, own, chain))}]
    if stands:
        happens.append({"wait": f"{math.ceil(_lasted_s(chain)) + 2}s"})
    then: dict[str, Any] = {"verdicts": [chain.decision["verdict"]]}
    counts = dict(_acts(plan, own, chain))
    then |= {"acts": counts} if counts else {}
    booked = _booked(chain)
    then |= {"booked": booked} if booked else {}
    name = f"{own.name(item.kind)}_{item.number}_{chain.decision['verdict']}"
    remarks = [f"{body['id']}, decided at {say(chain.decision)}, record {record}, plan {body['plan']}."]
    return Kept(body["id"], record, name, written(name, remarks, happens, then))


class _Own:
    """Names without their pipeline's, as its own files have them."""

    def __init__(self, plan: PipelinePlan, item: ItemId, pipeline: str) -> None:
        self._before = f"{pipeline}/" if "/" in item.kind else ""
        if self._before and not item.kind.startswith(self._before):
            raise CannotAnswer(f"{item} is an item of pipeline {item.kind.partition('/')[0]}, not of {pipeline}")
        if not self._before and plan.name != pipeline:
            raise CannotAnswer(f"{item} was decided by pipeline {plan.name}, not by {pipeline}")

    def name(self, name: str) -> str:
        """Return the name of an item or step in its file."""
        return name.removeprefix(self._before)


class _Readings:
    """The readings that the decision may have seen: the last of each input before its verdict."""

    def __init__(self) -> None:
        self._latest: dict[str, rooms.ReadingSeen] = {}

    def take(self, event: rooms.Event) -> None:
        """Take an event before the verdict."""
        if isinstance(event, rooms.ReadingSeen):
            self._latest[event.input] = event

    def happenings(self, plan: PipelinePlan) -> Iterator[dict[str, Any]]:
        """Yield each as a case tells it, before the item."""
        fields = {one.name: [name for name, _ in one.fields] for one in plan.inputs}
        for name, event in self._latest.items():
            values = dict(zip(fields[name], event.values, strict=True))
            shown = {field: value if math.isfinite(value) else UNKNOWN for field, value in values.items()}
            yield {"reading": {name: shown if event.health == "good" else UNKNOWN}, "every": "0ms"}


def _told(plan: PipelinePlan, own: _Own, chain: ItemChain) -> Iterator[tuple[str, Any]]:
    """Yield what the item is given: its message or picture, then the answer of each step."""
    item = next(one for one in plan.items if one.name == chain.item.kind)
    if chain.message is not None:
        yield item.starts, {name: UNKNOWN if one is None else one for name, one in chain.message["fields"].items()}
    elif item.stands:
        first = chain.pictures[0] if chain.pictures else {"health": "good", "key": ""}
        yield item.starts, "dark" if first["health"] == "dark" else {"key": first["key"]}
    answered = {one["step"]: one for one in chain.answers}
    for step in plan.steps:
        if step.each != chain.item.kind:
            continue
        if step.name in answered:
            yield own.name(step.name), _answer(plan, step.model, answered[step.name])
        elif step.input and not item.stands and not step.crop:
            seen = [one["health"] for one in chain.pictures if one["input"] == step.input]
            yield own.name(step.name), "dark" if "dark" in seen else LATE if seen else "no_frame"
        else:
            yield own.name(step.name), LATE
    said = {one["step"]: one for one in chain.steps}
    for one in plan.flow:
        if one.each != chain.item.kind or not isinstance(one, (LookupStep, AskStep)):
            continue
        fields = said[one.name]["fields"] if one.name in said else None
        if isinstance(one, LookupStep):
            yield own.name(one.name), UNKNOWN if fields is None else _record(fields)
        else:
            by = fields and fields.get("by")
            yield own.name(one.name), {**_record(fields), "by": by} if fields and by else NOBODY
    for act in chain.acts.values():
        if act["outcome"] is not None and act["outcome"]["kind"] != "executed":
            yield act["act"].split("/")[-2], act["outcome"]["kind"]


def _answer(plan: PipelinePlan, name: str, one: dict[str, Any]) -> Any:
    model = next(model for model in plan.models if model.name == name)
    if one["health"] != "good" or not one["used"]:
        return LATE if one["health"] in ("good", "late") else UNKNOWN
    if model.task == "regress":
        return dict(zip(model.labels, one["numbers"], strict=True))
    more = {"count": one["found"]} if model.task == "detect" else {}
    if model.task == "classify" and one["numbers"]:
        more = {"margin": one["numbers"][0]}
    return {"label": one["label"], "score": one["score"], **more}


def _record(fields: dict[str, Any]) -> dict[str, Any]:
    shown = {name: value for name, value in fields.items() if not name.startswith("_")}
    if shown.get("found") is False:
        return {"found": False}
    return {name: UNKNOWN if value is None else value for name, value in shown.items()}


def _acts(plan: PipelinePlan, own: _Own, chain: ItemChain) -> Iterator[tuple[str, int]]:
    """Yield each pulse that rules for this kind of item may want, with how often it was wanted."""
    wanted = [act.split("/")[-2] for act in [*chain.acts, *(one["act"] for one in chain.withheld)]]
    pulses = {one.name for one in plan.outputs if one.kind == "pulse"}
    for rule in plan.rules:
        if rule.each == chain.item.kind:
            for effect in rule.do:
                if effect.output in pulses:
                    yield effect.output, wanted.count(effect.output)


def _booked(chain: ItemChain) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    withheld = [one for one in chain.withheld if not one["is_pulse"]]
    for one in [*chain.bookings.values(), *withheld]:
        output, _, verb = one["command"].rpartition(".")
        fields = {name: UNKNOWN if value is None else value for name, value in one["fields"].items()}
        found.setdefault(output, []).append({"verb": verb, **fields})
    return found


def _lasted_s(chain: ItemChain) -> float:
    first = chain.message or (chain.pictures[0] if chain.pictures else chain.decision)
    assert first is not None and chain.decision is not None  # a decided item began with one of them
    return float(chain.decision["t_s"]) - float(first["t_s"])
