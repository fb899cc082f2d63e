"""Two units on a Modbus RTU bus: an I/O module that kicks and sets a flow, and a transmitter of an oven's temperatures.

Written from the MODBUS Application Protocol Specification V1.1b3 (AP) and MODBUS over Serial Line V1.02 (SL).

unit 1  coil 0 kicks each time that it is written on; coil 1 likewise, counted in input register 100;
        holding register 10: flow in tenths, 800..1200
unit 2  input registers 0 and 1: zone temperature in tenths of a degree (int16), pressure in Pa as float32 in 2 and 3
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from ripieno_sim.seeds import stream

__all__ = ["ModbusUnits"]

BAUD = 19_200
CHAR_US = 11 * 1_000_000 // BAUD
SILENCE_US = 7 * CHAR_US // 2  # SL 2.5.1.1: 3.5 characters end a frame
TURNAROUND_US = 2_000
BOOT_US = 400_000
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS, ILLEGAL_VALUE = 1, 2, 3
SAFE_FLOW = 1000


class ModbusUnits:
    """The bus behind the port. `late_us`: how much longer than usual replies take; `mute`: units that do not answer."""

    settings: Mapping[str, Any] = {"port": "/dev/ttyBus", "baud": BAUD, "rearm": "auto"}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (
        ("kicker", "pulse", {"unit": 1, "coil": 0}),
        ("counted", "pulse", {"unit": 1, "coil": 1, "counter": 100}),
        ("flow", "setpoint", {"unit": 1, "register": 10, "scale": 10.0, "safe": 100.0}),
        (
            "oven",
            "reading",
            {
                "unit": 2,
                "registers": {"zone": 0, "pressure": 2},
                "types": {"pressure": "float32"},
                "scales": {"zone": 0.1},
                "units": {"zone": "degC", "pressure": "Pa"},
                "ranges": {"zone": (-50.0, 400.0), "pressure": (0.0, 1e6)},
            },
        ),
    )
    values: Mapping[str, float] = {"flow": 105.5}

    def __init__(self, seed: int = 0) -> None:
        self._draw = stream(seed, "modbus units")
        self._received = b""
        self._frame_us: int | None = None
        self._leaving: list[tuple[int, bytes]] = []
        self._boots_us = 0
        self.executed: Counter[str] = Counter()
        self.writes = 0
        self.late_us = 0
        self.mute: set[int] = set()
        self.zone_tenths, self.pressure_pa = 2105, 101_325.0
        self._power_up()

    def send(self, written: bytes, now_us: int) -> None:
        """Take bytes from the bus."""
        if self._frame_us is not None and now_us >= self._frame_us:
            self._end_frame(self._frame_us)
        self._received = (self._received + written)[-512:]
        self._frame_us = now_us + SILENCE_US

    def next_deadline_us(self) -> int | None:
        """Return when a frame ends, or a reply has left."""
        dues = [due_us for due_us, _ in self._leaving]
        if self._frame_us is not None:
            dues.append(self._frame_us)
        return min(dues, default=None)

    def advance(self, now_us: int) -> bytes:
        """Return the replies up to now."""
        if self._frame_us is not None and self._frame_us <= now_us:
            self._end_frame(self._frame_us)
        left = b"".join(reply for due_us, reply in self._leaving if due_us <= now_us)
        self._leaving = [one for one in self._leaving if one[0] > now_us]
        return left

    def reset(self, now_us: int) -> None:
        """Take the power away for a moment: coils off, registers at their defaults, counters at 0."""
        self._leaving.clear()
        self._received, self._frame_us = b"", None
        self._boots_us = now_us + BOOT_US
        self._power_up()

    def acts(self, output: str) -> int:
        """Return how often an output has acted."""
        return self.executed[output]

    def level(self, output: str) -> float | None:
        """Return where a setpoint stands, in the pipeline's unit."""
        return self.holding[10] / 10 if output == "flow" else None

    def _power_up(self) -> None:
        self.coils = [False] * 8
        self.holding = {10: SAFE_FLOW}
        self.counted = 0

    def _end_frame(self, now_us: int) -> None:
        frame, self._received, self._frame_us = self._received, b"", None
        if len(frame) < 4 or now_us < self._boots_us or crc(frame[:-2]) != frame[-2:]:
            return  # SL 2.5.1: no answer to a broken frame
        unit = frame[0]
        if unit not in (1, 2) or unit in self.mute:
            return
        reply = self._obey(unit, frame[1], frame[2:-2])
        body = bytes((unit,)) + reply
        wire = body + crc(body)
        self._leaving.append((now_us + TURNAROUND_US + self.late_us + len(wire) * CHAR_US, wire))

    def _obey(self, unit: int, function: int, data: bytes) -> bytes:
        if len(data) < 4:
            return bytes((function | 0x80, ILLEGAL_VALUE))
        address, number = struct.unpack_from(">HH", data)
        if function in (1, 2) and unit == 1:  # AP 6.1
            if address + number > len(self.coils) or not number:
                return bytes((function | 0x80, ILLEGAL_ADDRESS))
            bits = sum(on << place for place, on in enumerate(self.coils[address : address + number]))
            return bytes((function, 1, bits))
        if function in (3, 4):  # AP 6.3, 6.4
            words = [self._word(unit, function, place) for place in range(address, address + number)]
            if None in words or not words:
                return bytes((function | 0x80, ILLEGAL_ADDRESS))
            return bytes((function, 2 * number)) + struct.pack(f">{number}H", *words)
        if function == 5 and unit == 1:  # AP 6.5
            return self._write_coil(address, number)
        if function == 6 and unit == 1:  # AP 6.6
            if address != 10 or not 800 <= number <= 1200:
                return bytes((0x86, ILLEGAL_ADDRESS if address != 10 else ILLEGAL_VALUE))
            self.writes += 1
            self.holding[10] = number
            return bytes((6,)) + data[:4]
        return bytes((function | 0x80, ILLEGAL_FUNCTION))

    def _write_coil(self, address: int, number: int) -> bytes:
        if address >= len(self.coils):
            return bytes((0x85, ILLEGAL_ADDRESS))
        if number not in (0, 0xFF00):
            return bytes((0x85, ILLEGAL_VALUE))
        self.writes += 1
        self.coils[address] = number == 0xFF00
        if number:
            self.executed["kicker" if address == 0 else "counted"] += 1
            self.counted += address == 1
        return struct.pack(">BHH", 5, address, number)

    def _word(self, unit: int, function: int, place: int) -> int | None:
        if unit == 1:
            return self.holding.get(place) if function == 3 else self.counted & 0xFFFF if place == 100 else None
        if function != 4:
            return None
        zone = self.zone_tenths + self._draw.randint(-2, 2)
        high, low = struct.unpack(">HH", struct.pack(">f", self.pressure_pa))
        return {0: zone & 0xFFFF, 1: 0, 2: int(high), 3: int(low)}.get(place)


def crc(body: bytes) -> bytes:
    """Return the two bytes of the CRC as they are sent (SL 6.2.2, the bitwise form)."""
    register = 0xFFFF
    for byte in body:
        register ^= byte
        for _ in range(8):
            carry, register = register & 1, register >> 1
            if carry:
                register ^= 0xA001
    return struct.pack("<H", register)
