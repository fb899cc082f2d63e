"""What the device file says of a board and of each input and output bound to it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Predicate, doc

from ripieno.contracts.driver import Place


def is_24_hex_digits_or_empty(text: str) -> bool:
    return text == "" or re.fullmatch(r"[0-9a-fA-F]{24}", text) is not None


@dataclass(frozen=True, kw_only=True)
class LinkSettings:
    """A board that speaks the link protocol, on one serial line."""

    port: Annotated[
        str,
        Place(),
        doc(
            "the serial port; a name under /dev/serial/by-id survives replugging; with * or ?, each port of that name "
            "is asked until the board with this uid answers"
        ),
    ]
    counts_per_mm: Annotated[float, Gt(0), Le(1e6), doc("encoder counts per millimetre of belt")]
    baud: Annotated[int, Ge(9600), Le(4_000_000), doc("bits per second, as the board's firmware has it")] = 115200
    uid: Annotated[
        str, Predicate(is_24_hex_digits_or_empty), doc("the board's own id, 24 hex digits; empty takes any board")
    ] = ""
    config_crc: Annotated[
        Annotated[int, Ge(0), Le(0xFFFF_FFFF)] | None,
        doc("CRC-32 of the board's channel table; a board with another one is refused; empty takes any"),
    ] = None
    release: Annotated[
        Literal["late", "at_once"],
        doc("when acts leave: 250 ms ahead of their time (more survive resets), or as soon as they are decided"),
    ] = "late"
    rearm: Annotated[
        Literal["person", "auto"],
        doc("who says that outputs may move again after a new session: a person or the daemon"),
    ] = "person"


@dataclass(frozen=True, kw_only=True)
class LinkPoint:
    """One input or output of the pipeline on that board."""

    input: Annotated[
        Annotated[int, Ge(0), Le(15)] | None, doc("the board's input, for an edge; input 0 starts items")
    ] = None
    channel: Annotated[
        Annotated[int, Ge(0), Le(15)] | None, doc("the board's output channel, for a pulse, a setpoint or an indicator")
    ] = None
    rearm: Annotated[
        Literal["person", "auto"] | None,
        doc("who arms this output again; empty: as the board says; an indicator is always armed by the daemon"),
    ] = None
    confirmed_by: Annotated[
        Annotated[int, Ge(0), Le(15)] | None,
        doc("a pulse: the board's input that rises when the machine moves, such as a limit switch; else an alarm"),
    ] = None
    confirm_s: Annotated[float, Gt(0), Le(10), doc("a pulse: within so long")] = 0.5
    scale: Annotated[
        float, Gt(0), Le(1e9), doc("the board's fixed-point steps in one unit of the pipeline's value")
    ] = 1.0
    clock_limit_ms: Annotated[
        float, Gt(0), Le(1000), doc("pulses by time are refused while the board's clock is less certain than this")
    ] = 10.0
