"""What the device file says of a G-code controller, its outputs as declared commands, and what it reports."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from annotated_types import Ge, Gt, Le, MaxLen, Predicate, doc

from ripieno.contracts.driver import Place

PLACE: Final = "{value}"
_COMMAND: Final = re.compile(r"[GMT$][A-Z0-9 .=+-]*")
"""No comment, checksum, line end or real-time sign can hide in what this takes."""


def is_empty_or_a_command(text: str) -> bool:
    """Whether a text is one G-code line, in which only the number `{value}` is open."""
    return text == "" or (text.count(PLACE) <= 1 and _COMMAND.fullmatch(text.replace(PLACE, "0")) is not None)


def is_an_axis_or_empty(text: str) -> bool:
    return text == "" or text in "XYZABCEUVW"


Line = Annotated[str, MaxLen(60), Predicate(is_empty_or_a_command)]


@dataclass(frozen=True, kw_only=True)
class GcodeSettings:
    """One controller on one serial line."""

    port: Annotated[str, Place(), doc("the serial port; a name under /dev/serial/by-id survives replugging")]
    dialect: Annotated[Literal["marlin", "grbl"], doc("marlin: numbered lines with checksums; grbl: real-time signs")]
    baud: Annotated[int, Ge(2400), Le(2_000_000), doc("bits per second")] = 115_200
    begin: Annotated[
        tuple[Line, ...], MaxLen(20), doc("lines sent when the controller is there, such as G21 and G90")
    ] = ()
    boot_s: Annotated[float, Gt(0), Le(30), doc("how long it may take to be there after the port was opened")] = 5.0
    answer_s: Annotated[float, Gt(0), Le(60), doc("how long it may say nothing while a line is unanswered")] = 2.0
    finish_s: Annotated[float, Gt(0), Le(3600), doc("how long a command with `waits: finish` may take")] = 30.0
    report_every_s: Annotated[float, Gt(0), Le(60), doc("how often position and readings are asked for")] = 0.5
    rearm: Annotated[
        Literal["person", "auto"], doc("who says that outputs may move again after the controller was lost or reset")
    ] = "person"


@dataclass(frozen=True, kw_only=True)
class GcodePoint:
    """One input or output: `command` makes a pulse or a setpoint, `axis` a position, `reports` a reading."""

    command: Annotated[Line, doc("sent for the act, such as `M106 S{value}`; no other number is open")] = ""
    end: Annotated[Line, doc("pulse: sent at the end of the hold, an absolute command such as M107; may be empty")] = ""
    low: Annotated[float, doc("the lowest value that is sent")] = 0.0
    high: Annotated[float, doc("and the highest; another one is refused")] = 1.0
    decimals: Annotated[int, Ge(0), Le(6), doc("digits behind the point of the value")] = 0
    safe: Annotated[float, doc("setpoint: the value at start and end")] = 0.0
    waits: Annotated[
        Literal["ok", "finish"], doc("ok: done when it is taken; finish: when all motion has ended (M400, G4 P0)")
    ] = "ok"
    axis: Annotated[str, Predicate(is_an_axis_or_empty), doc("position: the axis, whose millimetres are reported")] = ""
    reports: Annotated[
        Mapping[str, Literal["X", "Y", "Z", "E", "T", "B", "T0", "T1", "F", "S"]],
        doc("reading: field and the letter of the report: axes, T and B (Marlin's heaters), F and S (grbl)"),
    ] = field(default_factory=dict)
    ranges: Annotated[Mapping[str, tuple[float, float]], doc("field: lowest and highest plausible value")] = field(
        default_factory=dict
    )

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        if sum(map(bool, (self.command, self.axis, self.reports))) != 1:
            raise ValueError("give one of `command` (pulse, setpoint), `axis` (position) and `reports` (reading)")
        if not self.low < self.high:
            raise ValueError("`low` should be below `high`")
        if not self.low <= self.safe <= self.high and PLACE in self.command:
            raise ValueError(f"the safe value {self.safe:g} is outside {self.low:g} to {self.high:g}")
        if missing := [name for name in self.reports if name not in self.ranges]:
            raise ValueError(f"`ranges` lacks {missing[0]}: say what is plausible")
        if PLACE in self.end:
            raise ValueError("`end` has no value")

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a reading."""
        return tuple(self.reports)
