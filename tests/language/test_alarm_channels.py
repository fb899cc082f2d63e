"""`alarms:` of a device file: each channel on a device that can serve it, and every mistake with its place."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import re
from pathlib import Path

import pytest
from language.bench import DEVICE, DEVICE_FILE, DRIVERS, sealed, shipped

from ripieno.errors import ConfigError
from ripieno.language import compile_device
from ripieno.plan import Plan, decode, digest, encode
from ripieno.values.severities import USUAL_SEVERITY
from ripieno_drivers.booking.http import DRIVER as HTTP
from ripieno_drivers.link import DRIVER as LINK
from ripieno_drivers.messages.mqtt import DRIVER as MQTT

ALARMS = """\
alarms:
  latch: true
  fleet: medium
  severity: {device: medium, device/conveyor: high}
  channels:
    lamp: {device: conveyor, channel: 4, severity: high}
    horn: {device: conveyor, channel: 5, shows: active}
    pager: {device: pager, path: /alarms, severity: medium, repeat_after: 30min}
"""
PAGER = "  pager: {driver: http-booking, url: 'https://pager.site/api', token_file: /run/credentials/pager}\n"
WHOLE = DEVICE.replace("driver: board", "driver: link").replace("inputs:\n", PAGER + "inputs:\n") + ALARMS
OURS = {**DRIVERS, "link": LINK, "http-booking": HTTP, "mqtt-messages": MQTT}


def compiled(text: str, pipeline: str = "") -> Plan | str:
    """Return the plan, or its problems without the file's name."""
    store = {**sealed(pipeline or shipped()), DEVICE_FILE: text.encode()}

    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, "No such file or directory")
        return store[path]

    try:
        return compile_device(DEVICE_FILE, read, OURS)
    except ConfigError as error:
        return "\n".join(str(one).removeprefix(f"{DEVICE_FILE}:") for one in error.problems)


def test_the_whole_section_is_in_the_plan_and_messages_have_devices_of_their_own() -> None:
    plan = compiled(WHOLE)
    assert isinstance(plan, Plan)
    alarms = plan.alarms

    assert (alarms.latch, alarms.fleet) == (True, "medium")
    assert dict(alarms.severities) == {"device": "medium", "device/conveyor": "high"}
    assert [(one.name, one.kind, one.severity, one.shows, one.repeat_ns) for one in alarms.channels] == [
        ("lamp", "indicator", "high", "unacknowledged", 0),
        ("horn", "indicator", "low", "active", 0),
        ("pager", "message", "medium", "unacknowledged", 1_800_000_000_000),
    ]
    assert [one.name for one in plan.devices] == ["conveyor", "station"]
    assert [(one.name, one.places["token_file"]) for one in alarms.devices] == [("pager", "/run/credentials/pager")]
    lamps = [point for point in plan.devices[0].points if point.kind == "indicator"]
    assert [(one.name, one.settings["channel"]) for one in lamps] == [("alarms.lamp", 4), ("alarms.horn", 5)]
    assert decode(encode(plan)) == plan


def test_who_is_told_of_alarms_is_no_part_of_what_decides() -> None:
    """Another telephone number must not give up the parts under way."""
    without = compiled(WHOLE)
    other = compiled(
        WHOLE.replace("severity: medium, repeat_after: 30min", "severity: low").replace("pager.site", "other.site")
    )

    assert isinstance(without, Plan) and isinstance(other, Plan)
    assert digest(without) == digest(other) and without != other


def test_a_file_without_the_section_has_no_channel() -> None:
    plan = compiled(DEVICE.replace("driver: board", "driver: link"))

    assert isinstance(plan, Plan)
    assert plan.alarms.channels == () and plan.alarms.fleet == "low"


MISTAKES = [
    ("channel: 4,", "chanel: 4,", "alarms.channels.lamp.chanel: unknown key 'chanel' (did you mean 'channel'?)"),
    ("lamp: {device: conveyor", "lamp: {device: conveyr", "alarms.channels.lamp.device: there is no device 'conveyr' (did you mean 'conveyor', defined on line 6?)"),
    ("lamp: {device: conveyor, ", "lamp: {", "alarms.channels.lamp: missing key 'device'"),
    ("severity: high}", "severity: urgent}", "alarms.channels.lamp.severity: should be one of low, medium, high (got 'urgent')"),
    ("shows: active", "shows: activ", "alarms.channels.horn.shows: should be one of unacknowledged, active, well (got 'activ') (did you mean 'active'?)"),
    ("repeat_after: 30min", "repeat_after: 10s", "alarms.channels.pager.repeat_after: should be at least 1min (got 10s)"),
    ("path: /alarms, ", "", "alarms.channels.pager: missing key 'path'"),
    ("path: /alarms", "path: '/{alarm}'", "alarms.channels.pager: {alarm} is not known; known: {act}, {output}, {verb}"),
    ("lamp: {device: conveyor, channel: 4", "lamp: {device: station", "alarms.channels.lamp.device: driver 'folder' of device 'station' has neither a lamp nor messages (a board, http-booking, mqtt-messages or files have)"),
    ("severity: {device:", "severity: {devices:", "alarms.severity.devices: there is no alarm 'devices' (did you mean 'device'?)"),
    ("severity: {device: medium", "severity: {device: middle", "alarms.severity.device: should be one of low, medium, high (got 'middle')"),
    ("latch: true", "latch: 1", "alarms.latch: should be true or false (got 1)"),
    ("fleet: medium", "fleet: all", "alarms.fleet: should be one of low, medium, high, none (got 'all')"),
    ("  latch: true\n", "  latsch: true\n", "alarms.latsch: unknown key 'latsch' (did you mean 'latch'?)"),
    ("    lamp: {", "    a lamp: {", "alarms.channels.a lamp: should be a name: a letter, then letters, digits and _"),
]  # fmt: skip


@pytest.mark.parametrize(("right", "wrong", "expected"), MISTAKES, ids=[one[1].strip()[:24] for one in MISTAKES])
def test_each_mistake_has_one_plain_error_at_its_place(right: str, wrong: str, expected: str) -> None:
    assert right in WHOLE
    text = WHOLE.replace(right, wrong)
    found = compiled(text)

    assert isinstance(found, str)
    assert [line.partition(": ")[2] for line in found.splitlines()] == [expected]
    line = int(found.split(":")[0])
    assert wrong.strip().split("\n")[0] in text.splitlines()[line - 1] or "missing key" in expected


def test_a_device_of_a_pipeline_serves_no_messages_of_alarms() -> None:
    """It is closed at a reload and in safe mode, when there is most to tell."""
    stock = shipped().replace("  flow: {kind: setpoint", "  stock: {kind: booking}\n  flow: {kind: setpoint")
    found = compiled(WHOLE.replace("outputs:\n", "outputs:\n  stock: {device: pager, path: /stock}\n"), stock)

    assert isinstance(found, str)
    assert found.partition(": ")[2] == (
        "alarms.channels.pager.device: device 'pager' serves 'stock' of a pipeline; alarms are told in safe mode too "
        "(give the alarms a device of their own)"
    )


def test_every_code_in_the_source_has_a_usual_severity() -> None:
    """Else a new alarm would have none that a device file may name."""
    root = Path(__file__).parents[2]
    found: set[str] = set()
    for folder in ("daemon/ripieno_daemon", "pipelines/ripieno/engine"):
        for file in (root / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            found |= set(re.findall(r'(?:\.alarm|\bAlarm|_raise)\(\s*"([a-z-]+)"', text))
    assert {"device", "stuck", "act-in-doubt"} <= found
    assert found - USUAL_SEVERITY.keys() == set()
