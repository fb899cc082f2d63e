"""What a controller says, line by line: acknowledgement, refusal, request to send again, report, or that it was reset.

Marlin  ok [report] | Resend: N | Error:... | echo:busy: ... | echo:Unknown command: ... | start | X:.. Y:.. Count ..
grbl    ok | error:N | ALARM:N | <State|MPos:..|..> | Grbl 1.1h ['$' for help] | [MSG:...]
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final


class Kind(enum.Enum):
    OK = "taken"
    REFUSED = "refused"
    RESEND = "asked for again"
    BUSY = "busy"
    RESET = "reset"
    HALTED = "halted"
    REPORT = "report"
    OTHER = "other"
    SILENT = "silent"
    """Nothing was said in time; no line says so."""


@dataclass(frozen=True, slots=True)
class Answer:
    """`number`: the line that it wants next, where it says so; `report`: numbers by letter."""

    kind: Kind
    text: str = ""
    number: int = 0
    report: Mapping[str, float] = field(default_factory=dict)


_NUMBER: Final = r"[+-]?\d{1,9}(?:\.\d{0,9})?"
_PAIR: Final = re.compile(rf"\b([XYZETB]\d?):\s*({_NUMBER})")
_RESEND: Final = re.compile(r"(?:Resend:|rs)\s*N?:?\s*(\d{1,9})\b", re.IGNORECASE)
_LAST_LINE: Final = re.compile(r"Last Line:\s*(\d{1,9})\b")
_SAME_LINE_AGAIN: Final = ("checksum", "last line", "line number")
_NOT_DONE: Final = ("unknown command", "cold extrusion prevented", "not homed", "home xyz first", "out of range")


def marlin(line: str) -> Answer:
    """Return what a line of Marlin means."""
    lower = line.lower()
    if lower.startswith("ok"):
        return Answer(Kind.OK, line, report=_pairs(line))
    if (again := _RESEND.match(line)) is not None:
        return Answer(Kind.RESEND, line, int(again.group(1)))
    if line == "start":
        return Answer(Kind.RESET, line)
    if lower.startswith(("error:", "!!")):
        # A damaged line is followed by its own `Resend`, which says more.
        kind = Kind.OTHER if any(words in lower for words in _SAME_LINE_AGAIN) else Kind.HALTED
        last = _LAST_LINE.search(line)
        return Answer(kind, line, int(last.group(1)) + 1 if last is not None else 0)
    if "busy:" in lower:
        return Answer(Kind.BUSY, line)
    if any(words in lower for words in _NOT_DONE):
        return Answer(Kind.REFUSED, line)  # its `ok` still comes
    pairs = _pairs(line)
    return Answer(Kind.REPORT if pairs else Kind.OTHER, line, report=pairs)


def grbl(line: str) -> Answer:
    """Return what a line of grbl means."""
    if line == "ok":
        return Answer(Kind.OK, line)
    if line.startswith("error:"):
        return Answer(Kind.REFUSED, line)
    if line.startswith("ALARM:"):
        return Answer(Kind.HALTED, line)
    if line.startswith("Grbl "):
        return Answer(Kind.RESET, line)
    if line.startswith("<") and line.endswith(">"):
        state, *parts = line[1:-1].split("|")
        return Answer(Kind.REPORT, state, report=_parts(parts))
    return Answer(Kind.OTHER, line)


def _pairs(line: str) -> dict[str, float]:
    """`Count` begins the steppers' own positions, in steps."""
    return {letter: float(number) for letter, number in _PAIR.findall(line.partition("Count")[0])}


def _parts(parts: list[str]) -> dict[str, float]:
    """MPos or WPos by axis, FS as feed and speed; what cannot be read is not there."""
    found: dict[str, float] = {}
    for part in parts:
        name, _, values = part.partition(":")
        letters = {"MPos": "XYZ", "WPos": "XYZ", "FS": "FS", "F": "F"}.get(name, "")
        for letter, value in zip(letters, values.split(","), strict=False):
            if re.fullmatch(_NUMBER, value):
                found[letter] = float(value)
    return found
