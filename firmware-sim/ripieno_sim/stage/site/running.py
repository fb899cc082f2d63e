"""The line behind its pseudo-terminal, and what its board saw of the host that drives it."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ripieno_sim.line.ptys import PtyPort
from ripieno_sim.plant.conveyor import ConveyorSettings
from ripieno_sim.plant.parts import End, Part
from ripieno_sim.rig import Rig, conveyor_rig

from ..pictures import Rendered
from ..scene import BAUD, BOARD, picture_name

LOOK_S = 0.01
REPORT_S = 0.1
GONE_US = 250_000  # a host beats ten times a second
ENDLESS = 10_000_000  # parts; at 10 a second eleven days
PORT, CAMERA = "conveyor", "camera"


@dataclass(frozen=True, slots=True)
class SiteSettings:
    """`folder` holds port and camera; `report`, where given, is a file that is replaced ten times a second."""

    folder: Path
    camera: Path
    seed: int = 7
    parts: int = ENDLESS
    report: Path | None = None


class Heard:
    """A rig that remembers when the host was last heard."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self.now_us = rig.now_us
        self.heard_us = 0
        self.longest_us = 0

    @property
    def finished(self) -> bool:
        """See PtyPort."""
        return self._rig.finished

    def send(self, written: bytes, now_us: int) -> None:
        """See PtyPort."""
        self.heard_us = now_us
        self._rig.send(written, now_us)

    def advance(self, now_us: int) -> bytes:
        """See PtyPort; also note for how long an output was energised after the host's last byte."""
        arrived = self._rig.advance(now_us)
        self.now_us = self._rig.now_us
        if self._rig.board.orders.pins.mask():
            self.longest_us = max(self.longest_us, now_us - self.heard_us)
        return arrived

    def next_deadline_us(self) -> int | None:
        """See PtyPort."""
        return self._rig.next_deadline_us()


class Site:
    """A running line. The belt starts when a host has taken up its first session."""

    def __init__(self, settings: SiteSettings) -> None:
        self._settings = settings
        self._picture = Rendered(settings.seed)
        plant = ConveyorSettings(parts=settings.parts, starts_us=None)
        self.rig = conveyor_rig(settings.seed, baud=BAUD, board=BOARD, plant=plant, shutter=self._shutter)
        self.heard = Heard(self.rig)
        self.is_open = asyncio.Event()

    async def run(self) -> None:
        """Serve until cancelled."""
        settings = self._settings
        settings.camera.mkdir(parents=True, exist_ok=True)
        async with PtyPort(self.heard, settings.folder / PORT) as port:
            self.is_open.set()
            reported_us = 0
            while True:
                await asyncio.sleep(LOOK_S)
                port.wake()
                if port.now_us() - self.heard.heard_us > GONE_US:
                    port.let_go()
                if self.rig.board.in_session and not self.rig.plant.parts and self.rig.board.orders.armed:
                    self.rig.plant.start(port.now_us())
                    port.wake()
                if settings.report is not None and port.now_us() - reported_us > REPORT_S * 1e6:
                    reported_us = port.now_us()
                    _replace(settings.report, json.dumps(self.told()).encode())

    def told(self) -> dict[str, Any]:
        """Return what the board and the plant saw."""
        plant, board = self.rig.plant, self.rig.board
        commands = Counter(one.cmd_id for one in plant.gate.openings if one.cmd_id is not None)
        return {
            "in_session": board.in_session,
            "armed": board.orders.armed,
            "levels": {str(number): value for number, value in board.orders.pins.values.items()},
            "parts": len(plant.parts),
            "passed": sum(part.end is End.PASSED for part in plant.parts),
            "diverted": sum(part.end is End.DIVERTED for part in plant.parts),
            "openings": len(plant.gate.openings),
            "doubled": sum(count > 1 for count in commands.values()),
            "energised_unheard_ms": round(self.heard.longest_us / 1000, 1),
        }

    def _shutter(self, part: Part, count: int, t_us: int) -> None:
        """The camera writes its file as an FTP upload does: under a dotted name first, then moved."""
        drawn, ending = self._picture(part)
        try:
            _replace(self._settings.camera / picture_name(part.index, count, ending), drawn)
        except OSError:
            pass  # a full disk: the part stays without a picture, and the daemon has to see to that


def _replace(path: Path, content: bytes) -> None:
    hidden = path.with_name(f".{path.name}")
    hidden.write_bytes(content)
    hidden.replace(path)
