"""What tells that the line moves: the belt's position, and the edges of the parts on it."""

from __future__ import annotations

import pytest
from engine.plans import MS
from engine.world import EPOCH, World, only

from ripieno import engine as rooms


def still(world: World, seconds: float) -> list[str]:
    """Return the alarms of a picture that has been the same for so long."""
    world.sequence += 1
    still_ns = int(seconds * 1000) * MS
    effects = world.tell(rooms.FrameSeen(world.t, "top", world.sequence, None, world.t, still_ns=still_ns))
    return [one.code for one in only(effects, rooms.Alarm)]


@pytest.mark.parametrize("by", ["position", "edge"])
def test_a_picture_that_stays_while_the_line_moves_is_frozen(by: str) -> None:
    """Where parts come one upon another, the daemon passes few positions on: their edges say it as well."""
    world = World()
    world.start()
    assert still(world, 1.0) == []
    world.t += 100 * MS
    if by == "position":
        world.tell(rooms.PositionSeen(world.t, "belt", 60.0, EPOCH, 0, world.t))
    else:
        world.edge(1, 60.0)

    assert still(world, 1.1) == ["picture-frozen"]


def test_an_edge_of_another_eye_or_without_a_position_tells_nothing() -> None:
    world = World()
    world.start()
    assert still(world, 1.0) == []
    world.tell(rooms.EdgeSeen(world.t, "door", True, EPOCH, 1, 500.0, world.t))
    world.tell(rooms.EdgeSeen(world.t, "photo_eye", True, EPOCH, 1, None, world.t))

    assert still(world, 1.1) == []
