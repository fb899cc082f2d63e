"""What the device file says of a Modbus bus, its inputs and outputs. Addresses count from 0, as on the wire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, doc

from ripieno.contracts.driver import Place

from .frames import MAX_REGISTERS
from .numbers import WORDS, Kind, WordOrder

Address = Annotated[int, Ge(0), Le(65_535)]
Unit = Annotated[int, Ge(1), Le(247)]


@dataclass(frozen=True, kw_only=True)
class ModbusSettings:
    """One bus. The line is 8E1 by the specification; many modules come as 8N1."""

    port: Annotated[str, Place(), doc("the serial port; a name under /dev/serial/by-id survives replugging")]
    baud: Annotated[int, Ge(1200), Le(1_000_000), doc("bits per second")] = 19_200
    parity: Annotated[Literal["none", "even", "odd"], doc("parity bit")] = "even"
    stop_bits: Annotated[Literal[1, 2], doc("stop bits; 2 without parity by the specification")] = 1
    rs485: Annotated[
        Literal["adapter", "kernel"], doc("who turns the line round: the adapter by itself, or the kernel with RTS")
    ] = "adapter"
    rts_on_send: Annotated[bool, doc("kernel: RTS is high while we send")] = True
    before_send_ms: Annotated[int, Ge(0), Le(100), doc("kernel: RTS this long before the first bit")] = 0
    after_send_ms: Annotated[int, Ge(0), Le(100), doc("kernel: and this long behind the last")] = 0
    echo: Annotated[bool, doc("the adapter gives back what is sent")] = False
    answer_s: Annotated[float, Gt(0), Le(5), doc("how long a unit may take to answer")] = 0.2
    watchdog_unit: Annotated[
        Unit | None,
        doc(
            "the unit whose own watchdog is renewed; set it up so that its outputs take their safe values when nobody "
            "renews it"
        ),
    ] = None
    watchdog_register: Annotated[Address, doc("holding register that renews the watchdog when written")] = 0
    watchdog_value: Annotated[int, Ge(0), Le(65_535), doc("what is written there")] = 1
    watchdog_every_s: Annotated[float, Gt(0), Le(60), doc("how often; a third of the watchdog's time or less")] = 0.3
    rearm: Annotated[Literal["person", "auto"], doc("who says that outputs may move again after the bus was lost")] = (
        "person"
    )


@dataclass(frozen=True, kw_only=True)
class ModbusPoint:
    """One input or output: `registers` or `bits` make a reading, `coil` a pulse, `register` a setpoint."""

    unit: Annotated[Unit, doc("address of the unit on the bus")] = 1
    registers: Annotated[Mapping[str, Address], doc("reading: field and its register")] = field(default_factory=dict)
    bits: Annotated[Mapping[str, Address], doc("reading: field and its coil or discrete input, as 0 or 1")] = field(
        default_factory=dict
    )
    table: Annotated[
        Literal["holding", "input"], doc("reading: holding registers and coils, or input registers and discrete inputs")
    ] = "input"
    types: Annotated[Mapping[str, Kind], doc("field: its number; int16 where absent")] = field(default_factory=dict)
    words: Annotated[WordOrder, doc("order of the two words of a wide number")] = "high-first"
    units: Annotated[Mapping[str, str], doc("field: the unit that the pipeline wants")] = field(default_factory=dict)
    scales: Annotated[Mapping[str, float], doc("field: units in one step of the number; 1 where absent")] = field(
        default_factory=dict
    )
    ranges: Annotated[Mapping[str, tuple[float, float]], doc("field: lowest and highest plausible value")] = field(
        default_factory=dict
    )
    every_s: Annotated[float, Gt(0), Le(3600), doc("reading: how often it is asked for")] = 0.2
    coil: Annotated[Address | None, doc("pulse: the coil that is switched on")] = None
    ends: Annotated[
        Literal["host", "device"], doc("pulse: who switches the coil off: we after the hold, or the module by itself")
    ] = "host"
    counter: Annotated[Address | None, doc("pulse: input register in which the device counts its acts")] = None
    register: Annotated[Address | None, doc("setpoint: the holding register")] = None
    type: Annotated[Kind, doc("setpoint: its number")] = "int16"
    scale: Annotated[float, Gt(0), doc("setpoint: steps of the number in one unit of the pipeline's value")] = 1.0
    safe: Annotated[float, doc("setpoint: the value at start and end, in the pipeline's unit")] = 0.0

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        given = [name for name in ("registers", "bits") if getattr(self, name)]
        given += [name for name in ("coil", "register") if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError("give one of `registers`, `bits` (reading), `coil` (pulse) and `register` (setpoint)")
        if strange := sorted({*self.types, *self.scales, *self.units, *self.ranges} - set(self.fields)):
            raise ValueError(f"{strange[0]} is no field; fields: {', '.join(self.fields) or 'none'}")
        if missing := [name for name in self.registers if name not in self.ranges]:
            raise ValueError(f"`ranges` lacks {missing[0]}: say what is plausible")
        if wrong := [name for name, (low, high) in self.ranges.items() if not low < high]:
            raise ValueError(f"the range of {wrong[0]} should be [lowest, highest]")
        if self.fields and self.span[1] > MAX_REGISTERS:
            raise ValueError(
                f"{self.span[1]} addresses lie between first and last; at most {MAX_REGISTERS} in one reading"
            )

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of a reading."""
        return (*self.registers, *self.bits)

    @property
    def span(self) -> tuple[int, int]:
        """First address and how many, so that one request reads all."""
        first = min((*self.registers.values(), *self.bits.values()))
        ends = [place + WORDS[self.types.get(name, "int16")] for name, place in self.registers.items()]
        return first, max([*ends, *(place + 1 for place in self.bits.values())]) - first
