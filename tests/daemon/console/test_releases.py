"""What a device says of its releases: how an update ended is read from its retained state, whatever else is in it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ripieno_daemon.console import releases
from ripieno_daemon.console.releases import End, ended

OLD, NEW = "a" * 64, "b" * 64
AT_REST: dict[str, Any] = {"phase": "idle", "confirmed": OLD, "trial": "", "arriving": "", "refused": [], "last": {}}


def last(what: str, why: str = "", at_us: int = 5) -> dict[str, Any]:
    return {"what": what, "release": NEW, "why": why, "at_us": at_us}


@pytest.mark.parametrize(
    ("told", "end"),
    [
        (AT_REST, None),
        ({}, None),
        ({**AT_REST, "phase": "pulling", "arriving": NEW}, None),
        ({**AT_REST, "phase": "on trial", "trial": NEW, "last": last("on trial")}, None),
        ({**AT_REST, "confirmed": NEW, "last": last("confirmed", "200 results")}, End("confirmed", "200 results")),
        ({**AT_REST, "confirmed": NEW}, End("confirmed", "")),
        ({**AT_REST, "last": last("refused", "golden: x")}, End("refused", "golden: x")),
        ({**AT_REST, "refused": [[OLD, "y"], [NEW, "latency: x"]]}, End("refused", "latency: x")),
        ({**AT_REST, "last": last("reverted", "unknown: x")}, End("reverted", "unknown: x")),
        ({**AT_REST, "last": last("cancelled")}, End("cancelled", "")),
        ({**AT_REST, "last": last("stopped", "disk full")}, End("stopped", "disk full")),
        ({**AT_REST, "last": {**last("refused"), "release": OLD}}, None),
    ],
)
def test_the_end_of_an_update_is_read_from_the_state(told: dict[str, Any], end: End | None) -> None:
    assert ended(told, NEW) == end


def test_an_earlier_try_of_the_same_release_is_not_taken_for_this_one() -> None:
    before = last("cancelled", at_us=5)

    assert ended({**AT_REST, "last": before}, NEW, before) is None
    assert ended({**AT_REST, "last": last("cancelled", at_us=6)}, NEW, before) == End("cancelled", "")
    assert ended({**AT_REST, "confirmed": NEW, "trial": NEW, "last": before}, NEW, before) is None


def test_a_person_and_a_program_read_what_runs_what_is_on_trial_and_what_was_refused_last() -> None:
    told = {**AT_REST, "phase": "on trial", "trial": NEW, "results": 120, "of_results": 200, "floor": 6}
    state = {"releases": {"colours": {**told, "refused": [["c" * 64, "golden: x"], ["d" * 64, "slow: y"]]}}}

    assert releases.lines(state) == [
        "colours: release aaaaaaaaaaaa... runs, counter 6; on trial, 120 of 200 results",
        "  on trial: bbbbbbbbbbbb...",
        "  refused last: dddddddddddd...: slow: y",
    ]
    assert releases.row(state)["colours"] == {
        "runs": OLD,
        "trial": NEW,
        "arriving": "",
        "phase": "on trial",
        "refused_last": ["d" * 64, "slow: y"],
    }
    pulling = {**AT_REST, "phase": "pulling", "arriving": NEW, "done_bytes": 34, "of_bytes": 100}
    assert releases.standing(pulling) == "pulling, 34 %"
    assert releases.under_way({"releases": {"colours": pulling, "other": AT_REST}}) == {"colours": NEW}
    assert releases.under_way(state) == {"colours": NEW}, "a trial can be given up as well"


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.binary(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
)


@given(told=st.dictionaries(st.sampled_from(sorted(AT_REST)), ANY), state=ANY)
def test_a_device_may_say_anything(told: dict[str, Any], state: Any) -> None:
    """A device that is broken, or of another release, breaks no console."""
    for one in ({"releases": {"colours": told}}, {"releases": state}):
        releases.lines(one)
        releases.row(one)
        releases.under_way(one)
        ended(releases.told_of(one, "colours"), NEW)
