"""A dispenser built on a printer's controller that speaks as Marlin does (marlinfw.org/docs/gcode, "M110", "Resend").

M42 P4 S255 opens the valve for a shot (the act that is counted), M42 P4 S0 closes it; M106 S.. M107 the fan; M105 and
M114 report; M400 waits for motion; G1 X.. moves at 100 mm/s; M112 halts.
"""

from __future__ import annotations

import re
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MarlinPrinter"]

BOOT_US = 600_000
COMMAND_US = 2_000
BUSY_US = 1_000_000
MM_US = 10_000
RX_BYTES = 128  # what the receive buffer holds; more is lost, as on a real board


class MarlinPrinter:
    """Boots when it is built. `mute`: it obeys but says nothing; `halted`: it was killed and waits for a reset."""

    settings: Mapping[str, Any] = {
        "port": "/dev/ttyPrinter",
        "dialect": "marlin",
        "begin": ("G21", "G90"),
        "rearm": "auto",
    }
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (
        ("shot", "pulse", {"command": "M42 P4 S255", "end": "M42 P4 S0"}),
        ("fan", "setpoint", {"command": "M106 S{value}", "low": 0.0, "high": 255.0, "safe": 0.0}),
        ("head", "position", {"axis": "X"}),
        (
            "heat",
            "reading",
            {"reports": {"nozzle": "T", "bed": "B"}, "ranges": {"nozzle": (-10.0, 300.0), "bed": (-10.0, 130.0)}},
        ),
    )
    values: Mapping[str, float] = {"fan": 128.0}

    def __init__(self, seed: int = 0) -> None:
        self.executed: Counter[str] = Counter()
        self.commands: list[str] = []
        self.mute = False
        self._leaving: deque[tuple[int, bytes]] = deque()
        self._received = b""
        self._booted_us = self._free_us = self._busy_us = self._moving_us = 0
        self._waits_us: int | None = None
        self._last = self.fan = self.valve = 0
        self.halted, self.x_mm = False, 0.0
        self._power_up(0)

    def send(self, written: bytes, now_us: int) -> None:
        """Take bytes; while it boots they are lost."""
        self.advance_to(now_us)
        if now_us >= self._booted_us:
            if b"\n" not in self._received:
                self._free_us = max(self._free_us, now_us)
            self._received = (self._received + written)[:RX_BYTES]

    def next_deadline_us(self) -> int | None:
        """Return when it says or does something next."""
        dues = [due_us for due_us, _ in self._leaving]
        if b"\n" in self._received and not self.halted:
            dues.append(self._free_us)
        if self._waits_us is not None:
            dues.append(min(self._waits_us, self._busy_us))
        return min(dues, default=None)

    def advance(self, now_us: int) -> bytes:
        """Return what it said up to now."""
        self.advance_to(now_us)
        said = b"".join(text for due_us, text in self._leaving if due_us <= now_us)
        self._leaving = deque(one for one in self._leaving if one[0] > now_us)
        return said

    def advance_to(self, now_us: int) -> None:
        """Obey what has been received, one line after the other."""
        while not self.halted:
            if self._waits_us is not None:
                if self._waits_us > now_us:
                    while self._busy_us <= now_us:
                        self._say("echo:busy: processing", self._busy_us)
                        self._busy_us += BUSY_US
                    return
                self._free_us, self._waits_us = self._waits_us, None
                self._say("ok", self._free_us)
            line, end, rest = self._received.partition(b"\n")
            if not end or self._free_us > now_us:
                return
            self._received = rest
            at_us = max(self._free_us, self._booted_us)
            self._free_us = at_us + COMMAND_US
            self._line(line.decode("ascii", "replace").strip(), self._free_us)

    def reset(self, now_us: int) -> None:
        """Take the power away for a moment."""
        self._leaving.clear()
        self._power_up(now_us)

    def acts(self, output: str) -> int:
        """Return how often an output has acted."""
        return self.executed[output]

    def level(self, output: str) -> float | None:
        """Return where a setpoint stands."""
        return float(self.fan) if output == "fan" else None

    def _power_up(self, now_us: int) -> None:
        self._received = b""
        self._booted_us = self._free_us = now_us + BOOT_US
        self._waits_us, self._busy_us = None, 0
        self._last, self.fan, self.valve, self.halted = 0, 0, 0, False
        self.x_mm, self._moving_us = 0.0, now_us
        self._say("start", self._booted_us)
        self._say("echo:Marlin 2.1.2", self._booted_us)

    def _say(self, text: str, at_us: int) -> None:
        if not self.mute:
            self._leaving.append((at_us, text.encode("ascii", "replace") + b"\n"))

    def _line(self, line: str, at_us: int) -> None:
        if not line:
            return
        numbered = re.fullmatch(r"N(-?\d+)\s*(.*?)(?:\*(\d+))?", line)
        if numbered is None:
            if "*" in line:
                self._again("No Line Number with checksum", at_us)
                return
            self._obey(line, at_us)
            return
        number, command, checksum = int(numbered[1]), numbered[2].strip(), numbered[3]
        if number != self._last + 1 and not command.startswith("M110"):
            self._again("Line Number is not Last Line Number+1", at_us)
            return
        if checksum is None:
            self._again("No Checksum with line number", at_us)
            return
        total = 0
        for sign in line[: line.rindex("*")]:
            total ^= ord(sign) & 0xFF
        if total != int(checksum):
            self._again("checksum mismatch", at_us)
            return
        self._last = number
        self._obey(command, at_us)

    def _again(self, why: str, at_us: int) -> None:
        self._received = b""  # it flushes what it has
        self._say(f"Error:{why}, Last Line: {self._last}", at_us)
        self._say(f"Resend: {self._last + 1}", at_us)
        self._say("ok", at_us)

    def _obey(self, command: str, at_us: int) -> None:
        self.commands.append(command)
        word, _, rest = command.partition(" ")
        words = dict(re.findall(r"([A-Z])(-?\d+(?:\.\d+)?)", rest))
        if word == "M110":
            self._last = int(float(words.get("N", self._last)))
        elif word == "M105":
            self._say("ok T:209.8 /210.0 B:60.1 /60.0 @:64 B@:12", at_us)
            return
        elif word == "M114":
            self._say(f"X:{self.x_mm:.2f} Y:0.00 Z:0.30 E:0.00 Count X:{self.x_mm * 80:.0f} Y:0 Z:120", at_us)
        elif word == "M42":
            self.valve = int(float(words.get("S", "0")))
            self.executed["shot"] += self.valve > 0
        elif word in ("M106", "M107"):
            self.fan = int(float(words.get("S", "255"))) if word == "M106" else 0
        elif word in ("G0", "G1"):
            target_mm = float(words.get("X", self.x_mm))
            self._moving_us = max(self._moving_us, at_us) + round(abs(target_mm - self.x_mm) * MM_US)
            self.x_mm = target_mm
            self.executed["move"] += 1
        elif word == "M400":
            if self._moving_us > at_us:
                self._waits_us, self._busy_us = self._moving_us, at_us + BUSY_US
                return
        elif word == "M112":
            self.halted = True
            self._say("Error:Printer halted. kill() called!", at_us)
            return
        elif word not in ("G21", "G90"):
            self._say(f'echo:Unknown command: "{command}"', at_us)
        self._say("ok", at_us)
