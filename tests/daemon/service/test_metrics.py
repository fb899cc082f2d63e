"""The metrics are what Prometheus' own parser reads, and say what the report says."""

from __future__ import annotations

from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ripieno_daemon.metrics import exposition
from ripieno_daemon.metrics.family import Family


def report(**changes: Any) -> dict[str, Any]:
    told = {
        "version": "0.1.0",
        "plan": {"device": "line-1", "digest": "ab" * 32},
        "phase": "running",
        "healthy": True,
        "ready": False,
        "began": 1_700_000_000.123,
        "memory_bytes": 41_943_040,
        "processor_s": 1.25,
        "loop_blocked": 0,
        "reloads": 2,
        "alarms_raised": 5,
        "alarms_damped": 3,
        "alarms": [
            {"seen_by": "", "severity": "high", "state": "unacknowledged"},
            {"seen_by": "anna", "severity": "high", "state": "acknowledged"},
            {"seen_by": "", "severity": "low", "state": "returned"},
        ],
        "alarm_channels": {
            "lamp": {"kind": "indicator", "severity": "high", "on": True},
            "pager": {
                "kind": "message",
                "severity": "low",
                "waiting": 2,
                "delivered": 7,
                "refused": 1,
                "dropped": 0,
                "suppressed": 4,
            },
        },
        "devices": {"conveyor": {"up": True}, "station": {"up": False}},
        "held": None,
        "counters": {"triggers": 12, "good": 9, "open": 1},
        "ledger": {"head": 99, "waiting": 3, "refused": 0, "durable": True},
        "outbox": {"backlog": 4},
    }
    return told | changes


def samples(text: str) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_prometheus_reads_every_sample() -> None:
    found = samples(exposition(report()))

    assert found["ripieno_healthy", ()] == 1
    assert found["ripieno_ready", ()] == 0
    assert found["ripieno_phase", (("phase", "running"),)] == 1
    assert found["ripieno_phase", (("phase", "safe mode"),)] == 0
    assert found["ripieno_device_up", (("name", "station"),)] == 0
    assert found["ripieno_alarms", (("seen", "no"),)] == 2
    assert found["ripieno_alarms_by_state", (("severity", "high"), ("state", "acknowledged"))] == 1
    assert found["ripieno_alarms_by_state", (("severity", "low"), ("state", "returned"))] == 1
    assert found["ripieno_alarms_by_state", (("severity", "medium"), ("state", "returned"))] == 0
    assert found["ripieno_alarms_damped_total", ()] == 3
    assert found["ripieno_alarm_lamp_on", (("channel", "lamp"),)] == 1
    assert found["ripieno_alarm_messages_waiting", (("channel", "pager"),)] == 2
    assert found["ripieno_alarm_messages_total", (("channel", "pager"), ("ended", "suppressed"))] == 4
    assert found["ripieno_engine_total", (("what", "good"),)] == 9
    assert found["ripieno_items_open", ()] == 1
    assert found["ripieno_outbox_waiting_results", ()] == 4
    assert found["ripieno_cpu_seconds_total", ()] == 1.25
    assert found["ripieno_start_time_seconds", ()] == 1_700_000_000.123


def test_every_metric_has_help_and_type_and_names_as_they_should_be() -> None:
    """Counters end in _total, and nothing else does; the parser strips it from a counter's family."""
    for family in text_string_to_metric_families(exposition(report())):
        assert family.documentation
        assert family.type in ("counter", "gauge")
        assert family.name.startswith("ripieno_")
        names = {sample.name for sample in family.samples}
        assert all(name.endswith("_total") == (family.type == "counter") for name in names)


def test_safe_mode_without_an_app_is_told_too() -> None:
    bare = report(phase="safe mode", healthy=False, plan=None)
    for name in ("devices", "held", "counters", "ledger", "outbox"):
        del bare[name]

    found = samples(exposition(bare))

    assert found["ripieno_phase", (("phase", "safe mode"),)] == 1
    assert ("ripieno_outputs_held", ()) not in found


@pytest.mark.parametrize("name", ['a "quoted" name', "back\\slash", "two\nlines", "ümlaut", "}{,="])
def test_a_label_with_odd_letters_comes_back_as_it_was(name: str) -> None:
    text = "\n".join(Family("ripieno_x", "gauge", "a \\ b\nc").add(1, {"name": name}).lines()) + "\n"

    assert samples(text) == {("ripieno_x", (("name", name),)): 1.0}


def test_a_text_that_is_not_the_format_is_noticed() -> None:
    """Negative control: the parser that the tests lean on refuses what is wrong."""
    with pytest.raises(ValueError):
        samples('ripieno_x{name="unclosed} 1\n')
