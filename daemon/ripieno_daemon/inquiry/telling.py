"""The answers of `why` as text for who stands at the line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ripieno.rules.spoken import value_text

from .terms import distance
from .times import say

WITHHELD = "withheld: "
WHAT = {
    "changed": "changed",
    "verified": "found its change good, and kept",
    "undone": "found that its change did not help, and took back",
    "not-verified": "found that its change did not help, and left",
    "let-go": "let go",
    "bounded": "moved into its range",
}


def row(name: str, what: str) -> str:
    """Return one line of the answer."""
    return f"  {name:<9} {what}".rstrip()


def tell(answer: Mapping[str, Any]) -> str:
    """Return the chain, one cause a line."""
    lines = _item(answer) if answer["kind"] == "item" else _rule(answer)
    return "\n".join([*lines, row("record", f"{answer['record']}, plan {answer['plan']}")])


def tell_terms(term: Mapping[str, Any], depth: int = 0) -> Iterator[str]:
    """Yield one line for each term: its truth, its text, its values."""
    if "terms" in term:
        if depth or term["joined"] == "not":
            yield row("", f"{'  ' * depth}{term['is']:<7} {term['joined']} of:")
        for one in term["terms"]:
            yield from tell_terms(one, depth + (depth > 0 or term["joined"] == "not"))
        return
    said = distance(term)
    yield row("", f"{'  ' * depth}{term['is']:<7} {term['term']}{f'   [{said}]' if said else ''}")


def _item(answer: Mapping[str, Any]) -> Iterator[str]:
    closed, decision = answer["closed"], answer["decision"]
    way = f", {closed['way']}" if closed else ", still under way"
    yield f"{answer['item']}: {answer['verdict']}{way}"
    edge, message = answer["edge"], answer["message"]
    if message is not None:
        yield row("message", f"{say(message)}  {message['input']}, key {message['key']}: {_fields(message['fields'])}")
    elif edge is None and not answer["stands"]:
        yield row("edge", "none is recorded: the part was known from the board's count, or from an act's intent")
    elif edge is not None:
        place = "at an unknown place" if edge["position_mm"] is None else f"belt at {edge['position_mm']:.1f} mm"
        yield row("edge", f"{say(edge)}  {edge['input']}, number {edge['number']}, {place}")
    for one in answer["pictures"]:
        place = "" if one["position_mm"] is None else f" at {one['position_mm']:.1f} mm"
        told = "" if one["shown_to_model"] else f"; shown to no model: {one['why']}"
        yield row("picture", f"{say(one)}  {one['input']} {one['sequence']}{place}, {one['age_ms']:.1f} ms old{told}")
    for one in answer["answers"]:
        yield from _answer(one)
    for one in answer["steps"]:
        said = "unknown" if one["fields"] is None else _fields(one["fields"]) or "nothing known"
        yield row(one["kind"], f"{say(one)}  {one['step']}: {said}{'; ' + one['why'] if one['why'] else ''}")
    for one in answer["plans"]:
        yield row("plan", f"{say(one)}  {one['name']} {one['version']} took over (plan {one['plan']})")
    for one in answer["starts"]:
        yield row("restart", f"{say(one)}  the daemon began again after {one['gap_s']:.3f} s without one")
    yield from _decided(decision)
    for one in answer["acts"]:
        begin = f"from {one['begin_mm']:.1f} mm for {one['span_mm']:.0f} mm, at most {one['hold_s']:g} s"
        yield row("act", f"{say(one)}  {one['command']} {begin}")
        yield row("outcome", _outcome(one["outcome"], one["begin_mm"]))
    for one in answer["withheld"]:
        fields = f"({_fields(one['fields'])})" if one["fields"] else ""
        yield row("withheld", f"{say(one)}  {one['command']}{fields} by rule {one['rule']}: {one['mode']}; never done")
    if not answer["acts"] and not answer["withheld"] and not answer["stands"]:
        yield row("act", "none: without one the part is diverted")
    if closed:
        yield row("way", f"{say(closed)}  {closed['way']}{': ' + closed['why'] if closed['why'] else ''}")
    for one in answer["bookings"]:
        fields = _fields(one["fields"])
        rule = f" by rule {one['rule']}" if one["rule"] else ""
        yield row("booking", f"{say(one)}  {one['command']}({fields}){rule}: {_outcome(one['outcome'], None)}")


def _fields(fields: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value_text(value)}" for name, value in fields.items() if not name.startswith("_"))


def _answer(one: Mapping[str, Any]) -> Iterator[str]:
    said = f"{value_text(one['label'])}, score {one['score']:.4f}" if one["health"] == "good" else one["health"]
    if one["found"]:
        said += f", {one['found']} found"
    yield row("model", f"{say(one)}  {one['model']} {one['model_digest']}: {said}")
    times = f"(decode {one['decode_ms']:.1f}, invoke {one['invoke_ms']:.1f})"
    shown = f"what it was shown was {one['picture_age_ms']:.1f} ms old, digest {one['picture_digest'][:16]}"
    yield row("", f"{one['step']} answered in {one['answered_in_ms']:.1f} ms {times}; {shown}")
    if not one["used"]:
        yield row("", f"not used: {one['why']}")


def _decided(decision: Mapping[str, Any]) -> Iterator[str]:
    rule = decision["rule"]
    if decision["recipe"]:
        yield row("recipe", f"{decision['recipe']}, under which it began")
    if rule is None:
        yield row("rule", f"{say(decision)}  none decided: {decision['why']}")
        return
    yield row("rule", f"{say(decision)}  {rule['name']} ({rule['source']}): {rule['when']}")
    if decision["terms"] is not None:
        yield from tell_terms(decision["terms"])
    ages = [f"{one['name']} {one['age_ms']:.1f} ms" for one in decision["operands"] if one["age_ms"] is not None]
    if ages:
        yield row("ages", ", ".join(ages))
    why = f": {decision['why']}" if decision["why"] else ""
    truth = f"{decision['terms']['is']}, so " if decision["terms"] is not None else ""
    yield row("verdict", f"{truth}{decision['verdict']}{why}")


def _outcome(outcome: Mapping[str, Any] | None, wanted_mm: float | None) -> str:
    if outcome is None:
        return "not known yet"
    text = f"{say(outcome)}  {outcome['kind']}" if wanted_mm is not None else f"{outcome['kind']} at {say(outcome)}"
    if outcome["position_mm"] is not None and wanted_mm is not None:
        off_mm = outcome["position_mm"] - wanted_mm
        text += f" at {outcome['position_mm']:.1f} mm, {off_mm:+.1f} mm from where it was wanted"
    return f"{text}: {outcome['why']}" if outcome["why"] else text


def _rule(answer: Mapping[str, Any]) -> Iterator[str]:
    rule, unit = answer["rule"], answer["unit"]
    change = f"{answer['output']} {answer['before']:g} -> {answer['after']:g} {unit}".rstrip()
    if answer["before"] == answer["after"]:
        change = f"{answer['output']} at {answer['after']:g} {unit}".rstrip()
    is_withheld = answer["what"].startswith(WITHHELD)
    done = "wanted" if is_withheld else WHAT.get(answer["what"], answer["what"])
    yield f"{answer['id']}: {rule['name']} {done} {change}{', ' + answer['what'] if is_withheld else ''}"
    if answer["terms"] is None:
        yield row("when", f"{say(answer)}  because {answer['looked_at_because']}")
        return
    yield row("when", f"{say(answer)}  looked at because {answer['looked_at_because']}")
    if answer["what"] == "changed" or is_withheld:
        yield row("rule", f"{rule['name']} ({rule['source']}): {rule['when']}")
    else:
        yield row("rule", f"{rule['name']} ({rule['source']}) verifies {answer['judges'] or 'its change'}")
    yield from tell_terms(answer["terms"])
    yield from _windows(answer["windows"])
    if answer["held_since"]:
        must = f", must hold for {answer['must_hold_s']:g} s" if answer["must_hold_s"] else ""
        yield row("held", f"since {say(answer['held_since'])}{must}; then it rests for {answer['cooldown_s']:g} s")
    verify = answer["verify"]
    if verify is None:
        return
    span = f"{verify['after_items']} items" if verify["after_items"] else f"{verify['after_s']:g} s"
    judged = answer["judged"]
    if judged is None:
        yield row("trial", f"judged after {span}; the record ends before that")
        return
    yield row("trial", f"judged after {span}, {say(judged)}: {judged['what']} ({judged['id']})")
    if judged["terms"] is not None:
        yield from tell_terms(judged["terms"])


def _windows(windows: list[Mapping[str, Any]]) -> Iterator[str]:
    for one in windows:
        yield row("window", f"{one['window']} = {value_text(one['value'])}, {one['known']} known:")
        yield row("", _samples(one["samples"]))


def _samples(samples: list[Any]) -> str:
    marks = {True: "1", False: "0", None: "?"}
    if all(isinstance(value, bool) or value is None for _, value in samples):
        return "".join(marks[value] for _, value in samples) + "   (oldest first; 1 true, 0 false, ? unknown)"
    return ", ".join(value_text(value) for _, value in samples)


def tell_block(answer: Mapping[str, Any]) -> str:
    """Return the answer of `why_not`: what blocked, then all that the rule saw."""
    rule, item = answer["rule"], answer["item"]
    whom = f" for {item}" if item else ""
    verb = "did not act" if answer["blocked"] else "was not blocked" if not item else "did act"
    lines = [f"{rule['name']} {verb}{whom} at {say(answer)}"]
    lines += [row("blocked", one["text"]) for one in answer["blocks"]]
    if not answer["blocked"] and not item:
        lines.append(row("", "it acts as soon as it is looked at: with the next result or at its deadline"))
    if answer["last_fired"]:
        lines.append(row("before", f"{say(answer['last_fired'])}  {answer['last_fired']['what']}"))
    lines.append(row("rule", f"{rule['name']} ({rule['source']}): {rule['when'] or 'no condition'}"))
    lines += tell_terms(answer["terms"]) if rule["when"] else ()
    lines += _windows(answer["windows"])
    lines.append(row("record", str(answer["record"])))
    return "\n".join(lines)
