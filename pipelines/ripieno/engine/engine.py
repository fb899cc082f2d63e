"""The engine: one event in, a list of effects out. It has no clock, no I/O and no randomness.

`step` may be called from one place only. The state after the same events is the same, byte for byte (`state`), and
the effects are.
What happens to an item is in `passage.py`, rules over time in `steering.py`; this module sends each event where it
belongs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgpack

from ripieno.plan import PipelinePlan

from . import events
from .effects import Effect, Set
from .passage import Passage
from .scene import Scene
from .steering import Steering

STATE_FORMAT = 1


class Engine:
    """Runs one pipeline.

    Args:
        plan: what the compile step wrote; it is taken as checked.
    """

    def __init__(self, plan: PipelinePlan) -> None:
        self.plan = plan
        self.scene = Scene(plan)
        self.steering = Steering(plan, self.scene)
        self.passage = Passage(plan, self.scene, self.steering)
        self._routes: dict[type, Callable[[Any], None]] = {
            events.Started: self._started,
            events.Tick: lambda event: self.steering.look(event.t),
            events.EdgeSeen: self.passage.edge,
            events.PositionSeen: self._position,
            events.ReadingSeen: self._reading,
            events.FrameSeen: self.passage.frame,
            events.ResultSeen: self.passage.result,
            events.ActSettled: self.passage.settled,
            events.DeviceChanged: self._device,
        }

    @property
    def counters(self) -> dict[str, int]:
        """Counts since the ledger began: triggers = good + defective + undecided + open, and what was dropped and
        why.
        """
        return {**self.scene.counters, "open": self.passage.undecided()}

    def step(self, event: events.Event) -> list[Effect]:
        """Take one event and return what is to be done, in order."""
        scene = self.scene
        scene.t = max(scene.t, event.t)
        scene.events += 1
        scene.effects = []
        self._routes[type(event)](event)
        return scene.effects

    def next_deadline(self) -> int | None:
        """Return the engine time at which a Tick is due, None if only other events matter."""
        return self.steering.deadline(self.scene.t)

    def next_position_mm(self) -> float | None:
        """Return the belt position from which a PositionSeen would make a difference, None if none would."""
        return self.passage.next_position_mm()

    def state(self) -> bytes:
        """Return the whole state as canonical bytes, for a snapshot."""
        packed = msgpack.packb(
            [STATE_FORMAT, self.scene.state(), self.passage.state(), self.steering.state()], use_bin_type=True
        )
        assert isinstance(packed, bytes)
        return packed

    def restore(self, state: bytes) -> None:
        """Take back what `state` returned. Raises ValueError if another format wrote it."""
        form, scene, passage, steering = msgpack.unpackb(state, raw=False, strict_map_key=False)
        if form != STATE_FORMAT:
            raise ValueError(f"a snapshot of format {STATE_FORMAT} was expected, {form} came")
        self.scene.restore(scene)
        self.passage.restore(passage)
        self.steering.restore(steering)

    def _started(self, event: events.Started) -> None:
        self.steering.gap(event.gap_ns)
        self.passage.recover(event.in_flight)
        self.steering.look(event.t)

    def _position(self, event: events.PositionSeen) -> None:
        self.passage.sight.moved(event)
        self.passage.position(event)

    def _reading(self, event: events.ReadingSeen) -> None:
        self.scene.readings[event.input] = (event.taken_t, event.health, event.values)
        self.steering.look(event.t)

    def _device(self, event: events.DeviceChanged) -> None:
        if event.up:
            self.scene.effects += [Set(setpoint) for setpoint in self.scene.setpoints_in_force()]
