"""What the device file says of a sensor that prints lines, and of each reading taken from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MaxLen, Predicate, doc

from ripieno.contracts.driver import Place


def is_empty_or_a_pattern_with_named_groups(text: str) -> bool:
    if not text:
        return True
    try:
        return bool(re.compile(text).groupindex)
    except re.error:
        return False


def is_printable(text: str) -> bool:
    return text.isascii() and all(sign.isprintable() for sign in text)


@dataclass(frozen=True, kw_only=True)
class LinesSettings:
    """One sensor on one serial line."""

    port: Annotated[str, Place(), doc("the serial port; a name under /dev/serial/by-id survives replugging")]
    baud: Annotated[int, Ge(50), Le(4_000_000), doc("bits per second")] = 9600
    data_bits: Annotated[Literal[7, 8], doc("bits of a character; old scales print 7")] = 8
    parity: Annotated[Literal["none", "even", "odd"], doc("parity bit")] = "none"
    stop_bits: Annotated[Literal[1, 2], doc("stop bits")] = 1
    silent_s: Annotated[
        float, Gt(0), Le(86_400), doc("without a good line for so long the device is down and its readings missing")
    ] = 2.0
    longest_bytes: Annotated[int, Ge(8), Le(4096), doc("a longer line is thrown away and counted")] = 512
    checksum: Annotated[Literal["none", "nmea"], doc("nmea: `*` and two hex digits, XOR of all between $ and *")] = (
        "none"
    )
    ask: Annotated[
        str,
        MaxLen(64),
        Predicate(is_printable),
        doc("sent with CR LF to a sensor that prints only when asked; or empty"),
    ] = ""
    ask_every_s: Annotated[float, Gt(0), Le(3600), doc("how often it is asked")] = 1.0


@dataclass(frozen=True, kw_only=True)
class LinesPoint:
    """One reading: its fields by the named groups of a pattern, or by CSV columns.

    A number outside its range, a missing or an unreadable one gives a reading of that health, never a good one.
    """

    pattern: Annotated[
        str,
        MaxLen(500),
        Predicate(is_empty_or_a_pattern_with_named_groups),
        doc("regular expression; its groups are the fields"),
    ] = ""
    columns: Annotated[Mapping[str, int], doc("field: CSV column, from 0")] = field(default_factory=dict)
    separator: Annotated[Literal[",", ";", "\t", " "], doc("between CSV columns")] = ","
    units: Annotated[Mapping[str, str], doc("field: the unit that the pipeline wants")] = field(default_factory=dict)
    scales: Annotated[Mapping[str, float], doc("field: units in one of the sensor's own; 1 where absent")] = field(
        default_factory=dict
    )
    ranges: Annotated[
        Mapping[str, tuple[float, float]], doc("field: the lowest and highest plausible value, in the unit above")
    ] = field(default_factory=dict)
    stuck_s: Annotated[
        float,
        Ge(0),
        Le(86_400),
        doc(
            "the very same numbers for so long are a failed sensor, whether the line moves or rests (a pipeline's "
            "`stuck_after` asks the line); 0: a still value is good"
        ),
    ] = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        if bool(self.pattern) == bool(self.columns):
            raise ValueError("give either `pattern` or `columns`")
        known = self.fields
        for what, given in (("units", self.units), ("scales", self.scales), ("ranges", self.ranges)):
            if strange := sorted(set(given) - set(known)):
                raise ValueError(f"`{what}` names {strange[0]}, which is no field; fields: {', '.join(known)}")
        if missing := [name for name in known if name not in self.ranges]:
            raise ValueError(f"`ranges` lacks {missing[0]}: say what is plausible")
        if any(column < 0 for column in self.columns.values()):
            raise ValueError("`columns` count from 0")
        if wrong := [name for name, (low, high) in self.ranges.items() if not low < high]:
            raise ValueError(f"the range of {wrong[0]} should be [lowest, highest]")

    @property
    def fields(self) -> tuple[str, ...]:
        """The names of the fields, in the order of the line."""
        return tuple(self.columns) if self.columns else tuple(re.compile(self.pattern).groupindex)
