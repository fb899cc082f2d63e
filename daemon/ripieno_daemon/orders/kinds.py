"""The kinds of orders: what each takes, what it does to the device, how long it may be on its way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

MAX_EXECUTION_S: Final = 600.0


class Effect(Enum):
    """What it means to do it twice. READ changes nothing; CHANGE ends in the same state however often it is done;
    ACTUATE moves something, and is never done again after a crash; STOP puts the outputs safe, at once.
    """

    READ = "read"
    CHANGE = "change"
    ACTUATE = "actuate"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind. `longest_s`: between not-before and expiry. `must`, `may`: its arguments and their types. `for_roles`:
    what it is about is for a role, and a key may be allowed `NAME.ROLE` alone.
    """

    name: str
    effect: Effect
    longest_s: float
    must: Mapping[str, type] = field(default_factory=dict)
    may: Mapping[str, type] = field(default_factory=dict)
    takes_s: float = 10.0
    for_roles: bool = False

    def problem(self, args: Mapping[str, Any]) -> str:
        """Return what is wrong with these arguments, "" for nothing."""
        known = {**self.must, **self.may}
        for name in args:
            if name not in known:
                return f"{self.name} has no argument {name!r}; there is {', '.join(known) or 'none'}"
        for name, kind in known.items():
            if name in args and type(args[name]) is not kind:
                return f"{self.name}: {name!r} should be {kind.__name__}, is {type(args[name]).__name__}"
            if name in self.must and name not in args:
                return f"{self.name} wants {name!r}"
        return ""


def _table(*kinds: Kind) -> Mapping[str, Kind]:
    return {kind.name: kind for kind in kinds}


LOGS_OF: Final = ("pipeline", "decision", "item", "device", "since", "until", "level")

KINDS: Final = _table(
    Kind("status", Effect.READ, 300),
    Kind("logs", Effect.READ, 300, may={"lines": int, **dict.fromkeys(LOGS_OF, str)}, takes_s=30),
    Kind("snapshot", Effect.READ, 300, must={"input": str}),
    Kind("why", Effect.READ, 300, must={"id": str}, takes_s=60),
    Kind("check", Effect.READ, 300, may={"path": str}, takes_s=60),
    Kind("plan", Effect.READ, 300, must={"bundle": str}, takes_s=60),
    Kind("asks", Effect.READ, 300),
    Kind("cancel", Effect.CHANGE, 300, must={"id": bytes}),
    Kind("settings", Effect.CHANGE, 60, must={"values": dict}),
    Kind("recipe", Effect.CHANGE, 60, must={"recipe": str}),
    Kind("policy", Effect.CHANGE, 300, must={"signed": bytes}),
    Kind("self-test", Effect.CHANGE, 60, takes_s=120),
    Kind("safe", Effect.CHANGE, 30),
    Kind("apply", Effect.ACTUATE, 10, must={"plan": str}, takes_s=120),
    Kind("restart", Effect.ACTUATE, 10, takes_s=60),
    Kind("observe", Effect.ACTUATE, 30, may={"pipeline": str, "why": str}),
    Kind("act", Effect.ACTUATE, 30, may={"pipeline": str, "why": str}),
    Kind("manual", Effect.ACTUATE, 10, {"output": str, "to": str}, {"for_s": int, "why": str}, takes_s=70),
    Kind("bypass", Effect.ACTUATE, 30, {"output": str, "for_s": int}, {"why": str}),
    Kind("auto", Effect.ACTUATE, 30, {"output": str}, {"why": str}),
    Kind("answer", Effect.ACTUATE, 10, {"id": str, "answer": str, "as": str}, {"note": str}, for_roles=True),
    Kind("stop", Effect.STOP, 300),
)
