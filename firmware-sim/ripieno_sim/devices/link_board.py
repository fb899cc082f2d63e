"""The conveyor's board as a device that drivers are tried against: gate (pulse) and extruder flow (setpoint)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ripieno_sim.codec import Cause
from ripieno_sim.plant import FLOW, ConveyorSettings
from ripieno_sim.rig import conveyor_rig

__all__ = ["LinkBoard"]

BAUD = 115_200


class LinkBoard:
    """The virtual board of docs/link-protocol.md, its belt at rest."""

    settings: Mapping[str, Any] = {"port": "/dev/ttyBoard", "counts_per_mm": 10.0, "baud": BAUD, "rearm": "auto"}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (
        ("gate", "pulse", {"channel": 0}),
        ("flow", "setpoint", {"channel": FLOW, "scale": 100.0}),
        ("eye", "edge", {"input": 0}),
        ("belt", "position", {}),
    )
    values: Mapping[str, float] = {"gate": 1.0, "flow": 110.0}

    def __init__(self, seed: int = 0) -> None:
        self._rig = conveyor_rig(seed, baud=BAUD, plant=ConveyorSettings(starts_us=None))

    def send(self, written: bytes, now_us: int) -> None:
        """Put bytes on the line."""
        self._rig.send(written, now_us)

    def advance(self, now_us: int) -> bytes:
        """Return what reached the host."""
        return self._rig.advance(now_us)

    def next_deadline_us(self) -> int | None:
        """Return when something happens."""
        return self._rig.next_deadline_us()

    def reset(self, now_us: int) -> None:
        """Take the power away: the journal is lost."""
        self._rig.advance(now_us)
        self._rig.board.reset(now_us, Cause.POWER, keep_ram=False)

    def acts(self, output: str) -> int:
        """Return how many executions of commands the plant has counted."""
        return self._rig.plant.oracle.executions.total() if output == "gate" else 0

    def level(self, output: str) -> float | None:
        """Return where the flow stands (%)."""
        return self._rig.board.orders.pins.values[FLOW] / 100 if output == "flow" else None
