"""A mill whose controller speaks as grbl 1.1 does (gnea/grbl, doc/markdown/interface.md and commands.md).

M8 gives a shot of coolant (the act that is counted), M9 ends it; S.. sets the spindle's speed; `?` reports, `!` holds,
`~` resumes, 0x18 resets: a reset in motion loses the position and leaves an alarm, which only $X or $H clears.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["GrblMill"]

BOOT_US = 300_000
COMMAND_US = 1_000
RX_BYTES = 128
MM_US = 20_000
_WORDS = re.compile(r"(?:[A-Z][+-]?\d+(?:\.\d+)?)+")


class GrblMill:
    """Boots when it is built; opening the port does not reset it."""

    settings: Mapping[str, Any] = {"port": "/dev/ttyMill", "dialect": "grbl", "begin": ("G21 G90",), "rearm": "auto"}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (
        ("coolant", "pulse", {"command": "M8", "end": "M9", "waits": "finish"}),
        ("spindle", "setpoint", {"command": "S{value}", "low": 0.0, "high": 12000.0, "safe": 0.0}),
        ("carriage", "position", {"axis": "X"}),
        ("mill", "reading", {"reports": {"speed": "S"}, "ranges": {"speed": (0.0, 20000.0)}}),
    )
    values: Mapping[str, float] = {"spindle": 8000.0}

    def __init__(self, seed: int = 0) -> None:
        self.executed: Counter[str] = Counter()
        self.resets = 0
        self.mute = False
        self._leaving: list[tuple[int, bytes]] = []
        self._received = b""
        self._booted_us = self._free_us = self._moving_us = 0
        self.held = self.cooling = self.alarm = False
        self.x_mm = self.speed = 0.0
        self._power_up(0, BOOT_US)

    def send(self, written: bytes, now_us: int) -> None:
        """Take bytes: real-time signs are obeyed at once, wherever they stand."""
        self._obey_lines(now_us)
        if b"\n" not in self._received:
            self._free_us = max(self._free_us, now_us)
        for sign in written:
            if now_us < self._booted_us:
                return
            if sign == 0x18:
                self._soft_reset(now_us)
            elif sign == ord("?"):
                self._say(self._status(now_us), now_us + COMMAND_US)
            elif sign == ord("!"):
                self.held = True
            elif sign == ord("~"):
                self.held = False
            elif len(self._received) < RX_BYTES:
                self._received += bytes((sign,))
        self._obey_lines(now_us)

    def next_deadline_us(self) -> int | None:
        """Return when it says or does something next."""
        dues = [due_us for due_us, _ in self._leaving]
        if b"\n" in self._received and not self.held:
            dues.append(self._free_us)
        return min(dues, default=None)

    def advance(self, now_us: int) -> bytes:
        """Return what it said up to now."""
        self._obey_lines(now_us)
        said = b"".join(text for due_us, text in self._leaving if due_us <= now_us)
        self._leaving = [one for one in self._leaving if one[0] > now_us]
        return said

    def reset(self, now_us: int) -> None:
        """Take the power away for a moment."""
        self._leaving.clear()
        self.x_mm, self.alarm = 0.0, False
        self._power_up(now_us, BOOT_US)

    def acts(self, output: str) -> int:
        """Return how often an output has acted."""
        return self.executed[output]

    def level(self, output: str) -> float | None:
        """Return where a setpoint stands."""
        return self.speed if output == "spindle" else None

    def _power_up(self, now_us: int, boot_us: int) -> None:
        self._received = b""
        self._booted_us = self._free_us = self._moving_us = now_us + boot_us
        self.held = self.cooling = False
        self.speed = 0.0
        self._say("\r\nGrbl 1.1h ['$' for help]", self._booted_us)
        if self.alarm:
            self._say("[MSG:'$H'|'$X' to unlock]", self._booted_us)

    def _soft_reset(self, now_us: int) -> None:
        self.resets += 1
        if self._moving_us > now_us and not self.held:
            self.alarm = True
            self._say("ALARM:3", now_us)
        self._power_up(now_us, COMMAND_US)

    def _status(self, now_us: int) -> str:
        state = "Alarm" if self.alarm else "Hold:0" if self.held else "Run" if self._moving_us > now_us else "Idle"
        return f"<{state}|MPos:{self.x_mm:.3f},0.000,0.000|FS:0,{self.speed:.0f}>"

    def _say(self, text: str, at_us: int) -> None:
        if not self.mute:
            self._leaving.append((at_us, text.encode("ascii") + b"\r\n"))

    def _obey_lines(self, now_us: int) -> None:
        while b"\n" in self._received and self._free_us <= now_us and not self.held:
            line, _, self._received = self._received.partition(b"\n")
            at_us = max(self._free_us, self._booted_us)
            self._free_us = at_us + COMMAND_US
            text = line.decode("ascii", "replace").strip().replace(" ", "")
            self._say(self._obey(text, at_us) if text else "ok", self._free_us)

    def _obey(self, line: str, at_us: int) -> str:
        if line in ("$X", "$H"):
            self.alarm = False
            return "ok"
        if line.startswith("$"):
            return "error:3"  # not recognised or supported
        if self.alarm:
            return "error:9"  # locked out
        if _WORDS.fullmatch(line) is None:
            return "error:1"  # expected a letter and a value
        words = re.findall(r"([A-Z])([+-]?\d+(?:\.\d+)?)", line)
        if any(letter + number in ("G4", "G04") for letter, number in words):
            self._free_us = max(self._free_us, self._moving_us)  # answered when motion has ended
            return "ok"
        for letter, number in words:
            if letter == "M" and number in ("8", "9"):
                self.cooling = number == "8"
                self.executed["coolant"] += self.cooling
            elif letter == "S":
                self.speed = float(number)
            elif letter == "X":
                self._moving_us = max(self._moving_us, at_us) + round(abs(float(number) - self.x_mm) * MM_US)
                self.x_mm = float(number)
            elif letter not in "GMFP":
                return "error:20"  # unsupported
        return "ok"
