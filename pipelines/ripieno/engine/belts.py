"""Where the belts of a pipeline stand: what does not change while they rest is no fault of who looks at it."""

from __future__ import annotations

from ripieno.values import Health

from .events import EdgeSeen, PositionSeen
from .scene import Scene

MOVED_MM = 20.0  # less may be a belt that swings in its drive, and of a part that stands one sees no more
Where = tuple[float, ...]  # of each belt its position and epoch


class Belts:
    """All belts; what is known of them lies among the readings of the scene, so that a snapshot keeps it."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._names = sorted(one.name for one in scene.plan.inputs if one.kind == "position")
        moving = [item for item in scene.plan.items if not item.stands]
        self._by_start = {item.starts.split(".")[0]: item.follows for item in moving}

    def __bool__(self) -> bool:
        """Whether the pipeline has any."""
        return bool(self._names)

    def moved(self, event: PositionSeen) -> None:
        """Take where a belt is."""
        self._note(event.input, event)

    def edge(self, event: EdgeSeen) -> None:
        """Take where a belt is from the edge of a part on it: while parts come, little else tells."""
        if event.input in self._by_start:
            self._note(self._by_start[event.input], event)

    def where(self) -> Where:
        """Return where they stand now; of none that was not heard of yet."""
        readings = self._scene.readings
        return tuple(number for belt in self._names if belt in readings for number in readings[belt][2])

    def _note(self, belt: str, event: PositionSeen | EdgeSeen) -> None:
        if event.position_mm is not None:
            self._scene.readings[belt] = (event.taken_t, Health.GOOD, (event.position_mm, float(event.epoch)))


def way_mm(since: Where, where: Where) -> float:
    """Return the longest way of a belt; one whose board lost its memory meanwhile (another epoch) tells nothing."""
    pairs = zip(since[::2], since[1::2], where[::2], where[1::2], strict=True)
    return max((abs(now - then) for then, epoch, now, present in pairs if epoch == present), default=0.0)
