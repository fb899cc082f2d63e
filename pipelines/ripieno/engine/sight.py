"""What is wrong with the pictures of an input, and since when: an alarm when that changes, not with every picture.

A camera that gives the same picture again may be frozen, or may look at a line that rests. Only the line knows: the
same picture is a fault once a belt of this pipeline has moved meanwhile. What is remembered lies among the readings of
the scene, so that a snapshot keeps it: of a position input its position and epoch, of a frame input its health and
where the belts stood when the same picture began to come. A picture that says where the belt was when it was taken is
held against the first of its like: no part is judged by another's picture.
"""

from __future__ import annotations

from ripieno.values import Health

from . import events
from .belts import MOVED_MM, Belts, way_mm
from .effects import Alarm
from .scene import Scene


class Sight:
    """The pictures of all frame inputs."""

    def __init__(self, scene: Scene, belts: Belts) -> None:
        self._scene, self._belts = scene, belts

    def judge(self, event: events.FrameSeen) -> tuple[Health, str]:
        """Return whether this picture may be shown to a model, and what a person reads where it may not."""
        scene = self._scene
        _, before, since = scene.readings.get(event.input, (0, Health.GOOD.value, ()))
        health, why = Health(event.health), event.why
        is_placed = event.position_mm is not None  # a camera that is released by the belt says where that was
        where = self._belts.where() if event.position_mm is None else (event.position_mm, 0.0)
        if event.still_ns <= 0:
            since = where if is_placed else ()
        elif len(since) != len(where):
            since = where
        elif health is Health.GOOD and (way := way_mm(since, where)) > MOVED_MM:
            health = Health.FROZEN
            why = f"the same picture for {event.still_ns / 1e9:.1f} s, while the line moved {way:.0f} mm"
        scene.readings[event.input] = (event.taken_t, health.value, since)
        if health != before:
            text = why or "its pictures are good again"
            scene.effects.append(Alarm(f"picture-{health.value}", f"{event.input}: {text}"))
        return health, why
