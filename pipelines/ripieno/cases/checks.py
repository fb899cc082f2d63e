"""What a case expects against what happened."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ripieno import engine as rooms
from ripieno.engine import Effect, Engine

CLOSE = 1e-6


def failures(expected: Mapping[str, Any], effects: Sequence[Effect], engine: Engine) -> list[str]:
    """Return a sentence for each expectation that does not hold; none for a case that does."""
    return [why for check, wanted in expected.items() for why in _CHECKS[check](wanted, effects, engine)]


def _verdicts(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
    """A list: all verdicts in their order; a mapping: how many of each, and no others."""
    decided = [effect.verdict for effect in effects if isinstance(effect, rooms.Decided)]
    if isinstance(wanted, Mapping):
        yield from _counts("verdict", {**dict.fromkeys(decided, 0), **wanted}, Counter(decided))
    elif decided != list(wanted if isinstance(wanted, Sequence) and not isinstance(wanted, str) else [wanted]):
        yield f"verdicts: {wanted} expected, {decided} came"


def _acts(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
    yield from _counts("acts of", wanted, Counter(e.pulse.output for e in effects if isinstance(e, rooms.Fire)))


def _values(wanted: Any, _: Sequence[Effect], engine: Engine) -> Iterator[str]:
    for output, value in wanted.items():
        came = engine.scene.setpoints.get(output)
        if came is None or abs(came - value) > CLOSE:
            yield f"{output}: {value:g} expected, it is {came}"


def _booked(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
    """A number: how many; a list: in their order, of each the verb and the fields that are told."""
    unique = {str(e.booking.act): e.booking for e in effects if isinstance(e, rooms.Book)}
    for output, expected in wanted.items():
        came = [{"verb": b.verb, **dict(b.fields)} for b in unique.values() if b.output == output]
        if isinstance(expected, int):
            if len(came) != expected:
                yield f"{output}: {expected} bookings expected, {len(came)} came"
        elif len(came) != len(expected) or not all(_holds(w, c) for w, c in zip(expected, came, strict=True)):
            yield f"{output}: {expected} expected, {came} came"


def _holds(wanted: Mapping[str, Any], came: Mapping[str, Any]) -> bool:
    return all(key in came and _same(value, came[key]) for key, value in wanted.items())


def _same(wanted: Any, came: Any) -> bool:
    if wanted == "unknown":
        return came is None
    if isinstance(wanted, (int, float)) and isinstance(came, (int, float)) and not isinstance(wanted, bool):
        return abs(wanted - came) <= CLOSE
    return bool(wanted == came)


def _told(what: str, *kinds: str) -> Callable[[Any, Sequence[Effect], Engine], Iterator[str]]:
    def check(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
        came = Counter(e.rule for e in effects if isinstance(e, rooms.Fired) and e.what in kinds)
        yield from _counts(what, wanted, came)

    return check


def _alarms(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
    """A list: these codes came, and no others; a mapping: how often each came."""
    came = Counter(effect.code for effect in effects if isinstance(effect, rooms.Alarm))
    if isinstance(wanted, Mapping):
        yield from _counts("alarm", wanted, came)
    elif sorted(came) != sorted(set(wanted)):
        yield f"alarms: {sorted(set(wanted))} expected, {sorted(came)} came"


def _asked(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
    yield from _counts("questions of", wanted, Counter(e.step for e in effects if isinstance(e, rooms.Ask)))


def _closed(wanted: Any, effects: Sequence[Effect], _: Engine) -> Iterator[str]:
    yield from _counts("items that", wanted, Counter(e.way for e in effects if isinstance(e, rooms.Closed)))


def _counts(what: str, wanted: Mapping[str, int], came: Mapping[str, int]) -> Iterator[str]:
    for name, count in wanted.items():
        if came.get(name, 0) != count:
            yield f"{what} {name}: {count} expected, {came.get(name, 0)} came"


_CHECKS: dict[str, Callable[[Any, Sequence[Effect], Engine], Iterator[str]]] = {
    "verdicts": _verdicts,
    "acts": _acts,
    "values": _values,
    "booked": _booked,
    "fired": _told("firings of", "changed", "booked"),
    "verified": _told("verified changes of", "verified"),
    "undone": _told("undone changes of", "undone"),
    "alarms": _alarms,
    "asked": _asked,
    "closed": _closed,
}
