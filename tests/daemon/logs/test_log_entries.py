"""What a sentence is about, how bad it is, and how much of a flood is said."""

from __future__ import annotations

import json

import pytest
from drivers.virtual import LoopClock, run
from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.logs.about import Known
from ripieno_daemon.logs.entry import LEVEL_OF, LEVELS, MESSAGE_IDS, Entry, of_journal, of_map
from ripieno_daemon.logs.flood import ALWAYS, FIRST, MOST, Flood
from ripieno_daemon.logs.log import Log
from ripieno_daemon.logs.wish import BadWish, Wish, time_of

ONE = Known(["sorting"], ["conveyor", "station"])
TWO = Known(["sorting", "oven-2"], ["conveyor"])
NOW_US = 1_764_000_000_000_000
SECOND_NS = 1_000_000_000


@pytest.mark.parametrize(
    ("known", "text", "about"),
    [
        (ONE, "conveyor: up", {"device": "conveyor"}),
        (ONE, "device conveyor stopped: a bug", {"device": "conveyor"}),
        (ONE, "ALARM conveyor is down: no cable", {"device": "conveyor"}),
        (ONE, "broker: up", {}),
        (
            ONE,
            "ALARM part-0000002a-17/stock/0: not booked: no room",
            {"item": "part-0000002a-17", "decision": "part-0000002a-17", "pipeline": "sorting"},
        ),
        (ONE, "too_many@5123/0: fired", {"decision": "too_many@5123/0", "pipeline": "sorting"}),
        (ONE, "step look: bead on tflite 2.14.0", {"pipeline": "sorting"}),
        (TWO, "step oven-2/look: bead", {"pipeline": "oven-2"}),
        (
            TWO,
            "oven-2/part-0000002a-17: late",
            {"item": "oven-2/part-0000002a-17", "decision": "oven-2/part-0000002a-17", "pipeline": "oven-2"},
        ),
        (TWO, "a mail to someone@123/4x is none", {}),
        (TWO, "/var/lib/ripieno/x-00000001-2.jpg is a file", {}),
    ],
)
def test_a_sentence_is_about_what_it_names(known: Known, text: str, about: dict[str, str]) -> None:
    assert known.about(text) == about


def test_each_kind_of_event_has_an_identity_of_its_own() -> None:
    assert set(LEVEL_OF) < set(MESSAGE_IDS)
    assert len(set(MESSAGE_IDS.values())) == len(MESSAGE_IDS)
    assert all(len(bytes.fromhex(one)) == 16 for one in MESSAGE_IDS.values())


@given(
    text=st.text(max_size=30),
    level=st.sampled_from(sorted(LEVELS)),
    about=st.sampled_from([{}, {"device": "förderer"}, {"item": "part-0000002a-1", "decision": "a\nb"}]),
)
def test_an_entry_survives_a_line_of_the_file_and_the_journal(text: str, level: str, about: dict[str, str]) -> None:
    entry = Entry(NOW_US, level, "said", text.encode(errors="replace").decode(), about)

    assert of_map(json.loads(entry.line())) == entry
    assert of_journal({**entry.fields(), "__REALTIME_TIMESTAMP": str(NOW_US)}) == entry


def said(count: int, every_ns: int, text: str = "frame {} is damaged", event: str = "said") -> tuple[list[str], int]:
    flood = Flood()
    told = [flood.admits(event, text.format(number), number * every_ns) for number in range(count)]
    return [one for one in told if one is not None], flood.held_back


def test_of_a_flood_of_the_same_the_first_few_are_said_and_the_rest_counted() -> None:
    told, held_back = said(1000, SECOND_NS // 100)

    assert told[:FIRST] == [f"frame {number} is damaged" for number in range(FIRST)]
    assert told[FIRST:] == [
        f"frame {count - 1} is damaged (number {count} like it within a minute)" for count in (10, 100, 1000)
    ]
    assert held_back == 1000 - len(told)


def test_what_comes_now_and_then_is_said_each_time() -> None:
    assert said(50, 61 * SECOND_NS) == ([f"frame {number} is damaged" for number in range(50)], 0)


def test_a_flood_of_ever_new_sentences_ends_too() -> None:
    flood = Flood()
    words = [f"{chr(97 + a)}{chr(97 + b)}{chr(97 + c)}" for a in range(20) for b in range(20) for c in range(20)]
    told = [flood.admits("said", f"what is z{word}z", number) for number, word in enumerate(words)]

    assert sum(one is not None for one in told) == MOST
    assert [one for one in told if one is not None][-1].endswith("no more but stops and problems)")
    assert flood.held_back == len(words) - MOST
    assert flood.admits("said", "later", 61 * SECOND_NS) == "later"


@pytest.mark.parametrize("event", sorted(ALWAYS))
def test_a_stop_is_said_whatever_else_is(event: str) -> None:
    assert said(1000, 1, event=event)[1] == 0


def test_a_log_writes_to_all_and_knows_names_when_it_is_told() -> None:
    async def talk() -> tuple[list[Entry], list[Entry]]:
        first: list[Entry] = []
        second: list[Entry] = []
        log = Log(LoopClock(), first.append)
        log.tell("said", "conveyor: up")
        log.know(["sorting"], ["conveyor"])
        log.add(second.append)
        log.tell("said", "conveyor: up")
        log.tell("said", "ALARM nobody is obeyed")
        log.tell("stop", "x" * 100_000)
        return first, second

    first, second = run(talk())

    assert [entry.about for entry in first[:2]] == [{}, {"device": "conveyor"}]
    assert second == first[1:]
    assert [entry.level for entry in first] == ["info", "info", "warning", "error"]
    assert len(first[-1].text) == 16_000


@pytest.mark.parametrize(
    ("words", "at_us"),
    [
        ("90s", NOW_US - 90_000_000),
        ("10 min", NOW_US - 600_000_000),
        ("10m", NOW_US - 600_000_000),
        ("3d", NOW_US - 3 * 86_400_000_000),
        ("2025-11-24T16:00:00Z", NOW_US),
        ("2025-11-24 16:00", NOW_US),
        ("2025-11-24T17:00+01:00", NOW_US),
    ],
)
def test_times_are_said_as_people_say_them(words: str, at_us: int) -> None:
    assert time_of(words, NOW_US) == at_us


def test_what_is_no_time_is_refused_with_what_would_be_one() -> None:
    with pytest.raises(BadWish, match="'soon' is no time: say 90s, 10m, 2h, 3d or 2026-"):
        time_of("soon", NOW_US)


def test_a_wish_takes_what_it_names() -> None:
    entry = Entry(NOW_US, "warning", "said", "x", {"device": "conveyor"})

    assert Wish().takes(entry)
    assert Wish({"device": "conveyor"}, NOW_US, NOW_US, "warning").takes(entry)
    assert not Wish({"device": "station"}).takes(entry)
    assert not Wish({"item": "conveyor"}).takes(entry)
    assert not Wish(since_us=NOW_US + 1).takes(entry)
    assert not Wish(until_us=NOW_US - 1).takes(entry)
    assert not Wish(level="error").takes(entry)
