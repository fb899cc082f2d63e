"""Alarms: each once, counted, acknowledged by name, and never more than there is room for."""

from __future__ import annotations

from ripieno_daemon.alarms import Alarms


def test_one_that_comes_again_is_counted_and_is_no_news() -> None:
    alarms = Alarms()

    news = [alarms.tell("blocked", "a.py:3", "blocked", at, lasts=False) for at in (1, 2, 3)]

    assert news == [True, False, False]
    assert [(one.name, one.count, one.since_ns, one.last_ns) for one in alarms.listed()] == [
        ("blocked/a.py:3", 3, 1, 3)
    ]


def test_a_state_that_goes_on_is_not_told_again() -> None:
    """It is looked at every second: who has seen it must not be asked again and again."""
    alarms = Alarms()
    alarms.tell("storage", "", "disk full", 1)
    alarms.acknowledge("storage", "anna")

    assert not alarms.tell("storage", "", "disk full", 2)
    assert alarms.listed()[0].seen_by == "anna"


def test_one_that_was_seen_and_comes_again_is_news() -> None:
    alarms = Alarms()
    alarms.tell("held", "", "held", 1)
    alarms.acknowledge("held", "anna (uid 1000)")
    seen = alarms.listed()[0].seen_by

    assert seen == "anna (uid 1000)"
    assert alarms.tell("held", "", "held by another", 2)
    assert alarms.listed()[0].seen_by == ""


def test_a_state_stays_until_it_is_over_and_an_event_goes_when_it_is_seen() -> None:
    alarms = Alarms()
    alarms.tell("config", "device.yaml", "bad", 1)
    alarms.tell("stopped", "device x", "crashed", 2, lasts=False)

    alarms.acknowledge("all", "anna")
    left = [one.name for one in alarms.listed()]
    ended = alarms.over("config", "device.yaml")

    assert left == ["config/device.yaml"]
    assert ended and alarms.listed() == []


def test_what_nobody_has_seen_comes_first() -> None:
    alarms = Alarms()
    for at, code in enumerate(["a", "b", "c"]):
        alarms.tell(code, "", code, at)
    alarms.acknowledge("c", "anna")

    assert [one.code for one in alarms.listed()] == ["b", "a", "c"]


def test_the_list_is_bounded_and_what_was_seen_goes_first() -> None:
    alarms = Alarms(longest=3)
    for at, code in enumerate(["a", "b", "c"]):
        alarms.tell(code, "", code, at)
    alarms.acknowledge("b", "anna")

    alarms.tell("d", "", "d", 9)

    assert {one.code for one in alarms.listed()} == {"a", "c", "d"}
    assert alarms.dropped == 1
