"""`alarms:` of a device file -> what serves each channel: a lamp on a board, or messages by a device of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ripieno.contracts.driver import Driver, HasDirection
from ripieno.plan import PointPlan
from ripieno.plan.tree import AlarmsPlan, ChannelPlan, DevicePlan
from ripieno.values.severities import USUAL_SEVERITY

from .names import Names, check_name, entries
from .nearest import did_you_mean
from .plain import plain_point
from .problems import Report
from .sections.alarms import Alarms, Channel
from .shape import build, is_mapping
from .source import Node

Machine = tuple[Driver, Any, str]


@dataclass(slots=True)
class Channels:
    """What was read: the channels, and their points by the device that serves them."""

    channels: list[ChannelPlan] = field(default_factory=list)
    lamps: dict[str, list[PointPlan]] = field(default_factory=dict)
    messages: dict[str, list[PointPlan]] = field(default_factory=dict)

    def plan(self, alarms: Alarms, devices: tuple[DevicePlan, ...]) -> AlarmsPlan:
        """Return the plan. `devices`: those of the messages."""
        severities = tuple(sorted(alarms.severity.items()))
        return AlarmsPlan(severities, alarms.latch, alarms.fleet, tuple(self.channels), devices)


def read_channels(
    root: Node,
    machines: Mapping[str, Machine | None],
    used: Mapping[str, list[PointPlan]],
    names: Names,
    report: Report,
) -> Channels:
    """Read them, and report what is wrong. `used`: the points of the pipelines, by device."""
    found = Channels()
    alarms = root.mapping.get("alarms")
    if alarms is None:
        return found
    for key in alarms.mapping["severity"].mapping if "severity" in alarms.mapping else ():
        if key.partition("/")[0] not in USUAL_SEVERITY:
            line, column = alarms.mapping["severity"].keys[key]
            hint = did_you_mean(key.partition("/")[0], USUAL_SEVERITY)
            report.add(line, column, f"alarms.severity.{key}", f"there is no alarm '{key.partition('/')[0]}'", hint)
    for name, (node, place) in entries(alarms, "channels").items():
        path = f"alarms.channels.{name}"
        if not check_name(name, place, path, report, False) or not is_mapping(node, path, report):
            continue
        _read_one(found, name, node, path, machines, used, names, report)
    return found


def _read_one(
    found: Channels,
    name: str,
    node: Node,
    path: str,
    machines: Mapping[str, Machine | None],
    used: Mapping[str, list[PointPlan]],
    names: Names,
    report: Report,
) -> None:
    own = [one.name for one in dataclasses.fields(Channel)]
    at = node.mapping.get("device")
    if at is None or not isinstance(at.value, str):
        build(Channel, node, path, report, [key for key in node.mapping if key not in own])
        return
    if names.use(at.text, ("device",), (at.line, at.column), f"{path}.device", report) is None:
        return
    machine = machines.get(at.text)
    if machine is None:
        return
    driver = machine[0]
    channel, right = build(Channel, node, path, report, [one.name for one in dataclasses.fields(driver.point)])
    rest = {key: one for key, one in right.mapping.items() if key not in own}
    point, _ = build(driver.point, dataclasses.replace(right, value=rest), path, report)
    kind = next((one for one in ("indicator", "message") if one in driver.outputs), "")
    if not kind:
        what = f"driver '{driver.name}' of device '{at.text}' has neither a lamp nor messages"
        report.add(at.line, at.column, f"{path}.device", what, "a board, http-booking, mqtt-messages or files have")
        return
    if kind == "message" and used.get(at.text):
        what = f"device '{at.text}' serves '{used[at.text][0].name}' of a pipeline; alarms are told in safe mode too"
        report.add(at.line, at.column, f"{path}.device", what, "give the alarms a device of their own")
        return
    if channel is None or point is None:
        return
    if isinstance(point, HasDirection) and point.direction != "output":
        report.add(node.line, node.column, path, f"is an output, and its keys say that it is an {point.direction}")
        return
    bound = PointPlan(f"alarms.{name}", kind, plain_point(point))
    (found.lamps if kind == "indicator" else found.messages).setdefault(at.text, []).append(bound)
    found.channels.append(
        ChannelPlan(name, bound.name, kind, channel.severity, channel.repeat_after or 0, channel.shows)
    )
