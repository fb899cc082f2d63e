"""Steps that make values of values: `map`, and `find` in a text."""

from __future__ import annotations

import re

from ripieno.plan import Find, FindStep, MapStep

from ..expressions.typed import NUMBER, TEXT, Field
from ..nearest import did_you_mean
from ..saying import got
from ..sections import steps as sections
from ..shape import build
from ..source import Node
from .step import Made, Step, field_of, is_unknown_anyway

MOST_DIGITS = 40
_DIGITS = re.compile(r"digits\s+([0-9]{1,3})(?:\s*\.\.\s*([0-9]{1,3}))?\Z")
_TYPES = {"money": NUMBER, "number": NUMBER, "date": TEXT, "digits": TEXT}


def make_map(step: Step) -> Made:
    """Return a step that computes."""
    family = step.names("map")
    values = step.values("map")
    when = step.when()
    fields = tuple((name, typed.tree) for name, typed in values.items() if not typed.is_poison)
    if not step.each and not is_unknown_anyway(values.values()) and not step.streams(fields):
        step.at("map", "is of no stream: it names no input and no step", "name one, or give it 'each'")
    plan = MapStep(step.name, step.each, when, step.needs(fields, when), fields)
    known = {name: field_of(typed) for name, typed in values.items()}
    return Made((plan,), step.source(known, family))


def make_find(step: Step) -> Made:
    """Return a step that looks for things in a text."""
    family = step.names("find")
    text = step.value(step.node.mapping["in"], f"{step.path}.in")
    if not text.is_poison and text.type != TEXT:
        step.at("in", f"should be a text (got a {text.type})")
    when = step.when()
    finds = [
        _find(step, name, node, f"{step.path}.find.{name}") for name, node in step.node.mapping["find"].mapping.items()
    ]
    known = {one.field: Field(_TYPES.get(one.kind, TEXT), labels=one.words or None) for one in finds if one is not None}
    whole = tuple(one for one in finds if one is not None)
    plan = FindStep(step.name, step.each, when, step.needs(text.tree, when), text.tree, whole)
    if len(whole) < len(finds):
        return Made((plan,), step.unknown())
    return Made((plan,), step.source(known, family))


def _find(step: Step, name: str, node: Node, path: str) -> Find | None:
    """Return what is looked for under a name: `money`, `digits 8..12`, `{word: [visa, mastercard]}`."""
    report = step.world.report
    if isinstance(node.value, dict):
        made, _ = build(sections.Words, node, path, report)
        if made is None:
            return None
        words = tuple(dict.fromkeys(word.lower() for word in made.word))
        if len(words) < len(made.word):
            report.add(node.line, node.column, f"{path}.word", "names a word twice")
        return Find(name, "word", words=made.word)
    text = node.text.strip() if isinstance(node.value, str) else ""
    if text in ("money", "number", "date"):
        return Find(name, text)
    if text == "digits":
        return Find(name, text, 1, MOST_DIGITS)
    ranged = _DIGITS.match(text)
    if ranged:
        least, most = int(ranged[1]), int(ranged[2] or ranged[1])
        if 1 <= least <= most <= MOST_DIGITS:
            return Find(name, "digits", least, most)
        report.add(node.line, node.column, path, f"should be from 1 to {MOST_DIGITS} digits (got {got(node)})")
        return None
    near = did_you_mean(text.partition(" ")[0], sections.FIND_KINDS)
    hint = near if near.startswith("did") else 'such as money, date, "digits 8..12", or {word: [visa, mastercard]}'
    report.add(node.line, node.column, path, f"cannot be looked for (got {got(node)})", hint)
    return None
