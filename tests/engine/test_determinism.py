"""The same events give the same state and effects; a snapshot at any point changes nothing."""

from __future__ import annotations

from engine.plans import MS
from engine.world import EPOCH, World
from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno import engine as rooms
from ripieno.engine import Engine, pack_event, unpack_event
from ripieno.values import Health, OutcomeKind

DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("part"), st.sampled_from(["normal", "over", "under"])),
        st.tuples(st.just("edge"), st.integers(1, 3)),
        st.tuples(st.just("frame"), st.floats(0, 3000, allow_nan=False)),
        st.tuples(st.just("bad"), st.sampled_from(list(Health))),
        st.tuples(st.just("settle"), st.sampled_from(list(OutcomeKind))),
        st.tuples(st.just("move"), st.integers(0, 800)),
        st.tuples(st.just("tick"), st.integers(1, 3000)),
        st.tuples(st.just("start"), st.integers(0, 5000)),
        st.tuples(st.just("device"), st.booleans()),
    ),
    max_size=40,
)


def live(deeds: list[tuple[str, object]]) -> World:
    """Let a world happen."""
    world = World()
    world.start()
    number = 0
    for what, value in deeds:
        if what == "part":
            number += 1
            world.part(number, str(value))
        elif what == "edge":
            number += int(value)  # type: ignore[call-overload]
            world.edge(number)
        elif what == "frame":
            world.frame(float(value))  # type: ignore[arg-type]
        elif what == "bad":
            number += 1
            world.edge(number)
            world.frame(number * 50.0 + 120.0)
            world.result(number, "normal", health=Health(str(value)))
        elif what == "settle":
            world.settle(number, OutcomeKind(str(value)))
        elif what == "move":
            world.move(number * 50.0 + int(value), number)  # type: ignore[call-overload]
        elif what == "tick":
            world.t += int(value) * MS  # type: ignore[call-overload]
            world.tell(rooms.Tick(world.t))
        elif what == "start":
            world.tell(rooms.Started(world.t, int(value) * MS, ()))  # type: ignore[call-overload]
        else:
            world.tell(rooms.DeviceChanged(world.t, "conveyor", bool(value), EPOCH, ""))
    return world


@settings(max_examples=150, deadline=None)
@given(deeds=DEEDS)
def test_the_counters_always_add_up(deeds: list[tuple[str, object]]) -> None:
    counters = live(deeds).engine.counters

    assert counters.get("triggers", 0) == sum(counters.get(n, 0) for n in ("good", "defective", "undecided", "open"))


@settings(max_examples=150, deadline=None)
@given(deeds=DEEDS, data=st.data())
def test_a_snapshot_at_any_event_changes_nothing(deeds: list[tuple[str, object]], data: st.DataObject) -> None:
    """Recovery is a snapshot and the events behind it: state and effects must be those of a run without a break."""
    world = live(deeds)
    cut = data.draw(st.integers(0, len(world.log)))
    first, second = Engine(world.plan), Engine(world.plan)
    effects = [first.step(event) for event in world.log[:cut]]
    second.restore(first.state())
    for event in world.log[cut:]:
        effects.append(second.step(unpack_event(pack_event(event))))

    assert second.state() == world.engine.state()
    assert [each for step in effects for each in step] == world.effects


@settings(max_examples=100, deadline=None)
@given(deeds=DEEDS)
def test_no_part_is_acted_on_twice_or_decided_twice(deeds: list[tuple[str, object]]) -> None:
    world = live(deeds)
    acts = [effect.pulse.act for effect in world.effects if isinstance(effect, rooms.Fire)]
    items = [effect.item for effect in world.effects if isinstance(effect, rooms.Decided)]

    assert len(acts) == len(set(acts))
    assert len(items) == len(set(items))
