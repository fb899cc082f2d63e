"""Alarms: each once, counted, acknowledged by name, and never more than there is room for."""

from __future__ import annotations

from ripieno_daemon.alarms import Alarms, Instant, Policy

SECOND = 1_000_000_000


def at(seconds: float) -> Instant:
    """An instant, both clocks alike."""
    return Instant(round(seconds * SECOND), round(seconds * SECOND))


def test_one_that_comes_again_is_counted_and_is_no_news() -> None:
    alarms = Alarms()

    news = [alarms.tell("blocked", "a.py:3", "blocked", at(second), lasts=False) for second in (1, 2, 3)]

    assert news == [True, False, False]
    assert [(one.name, one.count, one.since_ns, one.last_ns) for one in alarms.listed()] == [
        ("blocked/a.py:3", 3, 1 * SECOND, 3 * SECOND)
    ]


def test_a_state_that_goes_on_is_not_told_again() -> None:
    """It is looked at every second: who has seen it must not be asked again and again."""
    alarms = Alarms()
    alarms.tell("storage", "", "disk full", at(1))
    alarms.acknowledge("storage", "anna")

    assert not alarms.tell("storage", "", "disk full", at(2))
    assert alarms.listed()[0].seen_by == "anna"


def test_one_that_was_seen_and_comes_again_is_news() -> None:
    alarms = Alarms()
    alarms.tell("held", "", "held", at(1))
    alarms.acknowledge("held", "anna (uid 1000)")
    seen = alarms.listed()[0].seen_by

    assert seen == "anna (uid 1000)"
    assert alarms.tell("held", "", "held by another", at(2))
    assert alarms.listed()[0].seen_by == ""


def test_a_state_stays_until_it_is_over_and_an_event_goes_when_it_is_seen() -> None:
    alarms = Alarms()
    alarms.tell("config", "device.yaml", "bad", at(1))
    alarms.tell("stopped", "device x", "crashed", at(2), lasts=False)

    alarms.acknowledge("all", "anna")
    left = [one.name for one in alarms.listed()]
    ended = alarms.over("config", "device.yaml", at(3))

    assert left == ["config/device.yaml"]
    assert ended and alarms.listed() == []


def test_what_nobody_has_seen_comes_first() -> None:
    alarms = Alarms()
    for second, code in enumerate(["a", "b", "c"]):
        alarms.tell(code, "", code, at(second))
    alarms.acknowledge("c", "anna")

    assert [one.code for one in alarms.listed()] == ["b", "a", "c"]


def test_the_list_is_bounded_and_what_was_seen_goes_first() -> None:
    alarms = Alarms(longest=3)
    for second, code in enumerate(["a", "b", "c"]):
        alarms.tell(code, "", code, at(second))
    alarms.acknowledge("b", "anna")

    alarms.tell("d", "", "d", at(9))

    assert {one.code for one in alarms.listed()} == {"a", "c", "d"}
    assert alarms.dropped == 1


def test_a_code_has_its_usual_severity_and_a_device_file_may_want_another() -> None:
    alarms = Alarms()
    alarms.policy = Policy({"device": "low", "device/gate": "medium"})
    for code, subject in (("device", "camera"), ("device", "gate"), ("stuck", ""), ("never-heard-of", "")):
        alarms.tell(code, subject, "wrong", at(1))

    assert {one.name: one.severity for one in alarms.listed()} == {
        "device/camera": "low",
        "device/gate": "medium",
        "stuck": "high",
        "never-heard-of": "medium",
    }


def test_with_latch_what_has_returned_to_normal_waits_for_somebody_to_see_it() -> None:
    alarms = Alarms()
    alarms.policy = Policy(latch=True)
    alarms.tell("device", "gate", "down", at(1))
    returned = alarms.over("device", "gate", at(2))
    state = alarms.listed()[0].state
    came_again = alarms.tell("device", "gate", "down", at(300))
    again = alarms.listed()[0]
    alarms.over("device", "gate", at(301))
    alarms.acknowledge("device/gate", "anna")

    assert returned and state == "returned"
    assert came_again and (again.state, again.count, again.since_ns) == ("unacknowledged", 2, 300 * SECOND)
    assert alarms.listed() == []


def test_what_was_seen_before_it_returned_is_gone_also_with_latch() -> None:
    alarms = Alarms()
    alarms.policy = Policy(latch=True)
    alarms.tell("device", "gate", "down", at(1))
    alarms.acknowledge("all", "anna")
    state = alarms.listed()[0].state

    assert state == "acknowledged"
    assert alarms.over("device", "gate", at(2)) and alarms.listed() == []


def test_one_that_comes_and_goes_is_told_as_chattering_once_and_then_counted() -> None:
    """Three times within a minute is chatter by ISA-18.2: a loose plug must not page somebody sixty times an hour."""
    alarms, news = Alarms(), []
    for second in range(0, 40, 2):
        news.append(alarms.tell("device", "gate", "down", at(second)))
        alarms.over("device", "gate", at(second + 1))
    chattering = alarms.listed()[0]
    alarms.acknowledge("device/gate", "anna")
    alarms.tell("device", "gate", "down", at(41))
    still_seen = alarms.listed()[0].seen_by
    alarms.over("device", "gate", at(42))
    too_soon, calm = alarms.calm(at(101)), alarms.calm(at(102))

    assert news == [True, True, True] + [False] * 17
    assert (chattering.chatters, chattering.count, chattering.state) == (True, 18, "unacknowledged")
    assert still_seen == "anna"
    assert alarms.damped == 18
    assert too_soon == [] and [one.name for one in calm] == ["device/gate"] and alarms.listed() == []
    assert alarms.tell("device", "gate", "down", at(200)) and not alarms.listed()[0].chatters


def test_one_that_comes_seldom_does_not_chatter() -> None:
    """Negative control of the damping: every time is news."""
    alarms = Alarms()
    news = []
    for second in range(0, 400, 40):
        news.append(alarms.tell("device", "gate", "down", at(second)))
        alarms.over("device", "gate", at(second + 1))

    assert news == [True] * 10 and alarms.damped == 0 and alarms.listed() == []


def test_a_clock_that_somebody_sets_makes_no_chatter_and_ends_none() -> None:
    alarms = Alarms()
    for hour in range(3):
        alarms.tell("device", "gate", "down", Instant(1, hour * 3600 * SECOND))
        alarms.over("device", "gate", Instant(1, (hour * 3600 + 1) * SECOND))

    assert alarms.damped == 0 and alarms.listed() == []
