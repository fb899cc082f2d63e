"""How bytes stand on a serial line: data bits, parity, stop bits, and who turns an RS-485 line round."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, Protocol, runtime_checkable

from ripieno.contracts.ports import Line, Lines
from ripieno.errors import DeviceError

Parity = Literal["none", "even", "odd"]


@dataclass(frozen=True, slots=True)
class Rs485:
    """The kernel turns the line round: RTS has this level while we send; times in ms around it (Linux TIOCSRS485)."""

    rts_on_send: bool = True
    before_ms: int = 0
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Framing:
    """`rs485` None: nobody needs to turn the line, or the adapter does it by itself."""

    data_bits: int = 8
    parity: Parity = "none"
    stop_bits: int = 1
    rs485: Rs485 | None = None

    @property
    def bits(self) -> int:
        """Bit times of one byte on the wire, start bit included."""
        return 1 + self.data_bits + (self.parity != "none") + self.stop_bits


EIGHT_N_ONE: Final = Framing()


@runtime_checkable
class FramedLines(Protocol):
    """A `Lines` that also knows other framings than 8N1."""

    async def open_framed(
        self, port: str, baud: int, framing: Framing, on_bytes: Callable[[bytes], None], on_lost: Callable[[str], None]
    ) -> Line:
        """As `Lines.open`; raises DeviceError also when the port cannot have this framing."""


async def open_line(
    lines: Lines,
    port: str,
    baud: int,
    framing: Framing,
    on_bytes: Callable[[bytes], None],
    on_lost: Callable[[str], None],
) -> Line:
    """Open a line; another framing than 8N1 is never silently dropped.

    Raises:
        DeviceError: the port says no, or these lines are 8N1 only.
    """
    if framing == EIGHT_N_ONE:
        return await lines.open(port, baud, on_bytes, on_lost)
    if isinstance(lines, FramedLines):
        return await lines.open_framed(port, baud, framing, on_bytes, on_lost)
    raise DeviceError(f"{port}: these lines are 8N1 only, and the settings ask for {framing}")
