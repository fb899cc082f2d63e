"""The report of the standing as metrics. A name that stands here is a promise to whoever has a dashboard."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import product
from typing import Any

from ripieno.values.severities import SEVERITIES

from .family import Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATES = ("unacknowledged", "acknowledged", "returned")
PHASES = ("starting", "running", "safe mode", "stopping")


def exposition(report: Mapping[str, Any]) -> str:
    """Return the text that a scrape gets."""
    families = [*_process(report), *_parts(report), *_counters(report.get("counters", {}))]
    return "\n".join(line for family in families for line in family.lines()) + "\n"


def _process(report: Mapping[str, Any]) -> list[Family]:
    plan = report["plan"] or {}
    info = Family("ripieno_info", "gauge", "Always 1; the labels say what runs.")
    info.add(1, {"version": report["version"], "device": plan.get("device", ""), "plan": plan.get("digest", "")[:16]})
    phase = Family("ripieno_phase", "gauge", "1 for what the daemon does now.")
    for name in PHASES:
        phase.add(name == report["phase"], {"phase": name})
    unseen = sum(not one["seen_by"] for one in report["alarms"])
    alarms = Family("ripieno_alarms", "gauge", "Alarms on the list, by whether somebody has seen them.")
    alarms.add(unseen, {"seen": "no"}).add(len(report["alarms"]) - unseen, {"seen": "yes"})
    kinds = Counter((one["severity"], one["state"]) for one in report["alarms"])
    states = Family("ripieno_alarms_by_state", "gauge", "Alarms on the list, by severity and state (ISA-18.2).")
    for severity, state in product(SEVERITIES, STATES):
        states.add(kinds[severity, state], {"severity": severity, "state": state})
    return [
        info,
        phase,
        Family("ripieno_healthy", "gauge", "1 while the daemon serves and every part makes progress.").add(
            report["healthy"]
        ),
        Family("ripieno_ready", "gauge", "1 while an act is possible.").add(report["ready"]),
        Family("ripieno_start_time_seconds", "gauge", "When the process began, since 1970.").add(report["began"]),
        Family("ripieno_resident_memory_bytes", "gauge", "Resident memory of the control process.").add(
            report["memory_bytes"]
        ),
        Family("ripieno_cpu_seconds_total", "counter", "Processor time of the control process.").add(
            report["processor_s"]
        ),
        Family("ripieno_loop_blocked_total", "counter", "How often the loop stood still for a second or more.").add(
            report["loop_blocked"]
        ),
        Family("ripieno_reloads_total", "counter", "Reloads that came into force.").add(report["reloads"]),
        Family("ripieno_alarms_raised_total", "counter", "Alarms raised, repetitions included.").add(
            report["alarms_raised"]
        ),
        Family("ripieno_alarms_damped_total", "counter", "Times that a chattering alarm came again untold.").add(
            report["alarms_damped"]
        ),
        alarms,
        states,
        *_channels(report["alarm_channels"]),
    ]


def _channels(channels: Mapping[str, Mapping[str, Any]]) -> list[Family]:
    waiting = Family("ripieno_alarm_messages_waiting", "gauge", "Alarm messages that their channel does not have yet.")
    ended = Family("ripieno_alarm_messages_total", "counter", "Alarm messages by what became of them.")
    lamps = Family("ripieno_alarm_lamp_on", "gauge", "1 while the lamp or horn is switched on.")
    for name, one in channels.items():
        if one["kind"] == "indicator":
            lamps.add(one["on"], {"channel": name})
            continue
        waiting.add(one["waiting"], {"channel": name})
        for what in ("delivered", "refused", "dropped", "suppressed"):
            ended.add(one[what], {"channel": name, "ended": what})
    return [waiting, ended, lamps]


def _parts(report: Mapping[str, Any]) -> list[Family]:
    devices = Family("ripieno_device_up", "gauge", "1 while the device can be used.")
    for name, one in report.get("devices", {}).items():
        devices.add(one["up"], {"name": name})
    families = [devices]
    if "held" in report:
        held = Family("ripieno_outputs_held", "gauge", "1 while somebody holds the outputs at their safe values.")
        families.append(held.add(report["held"] is not None))
    if modes := report.get("modes"):
        families += _modes(modes)
    if ledger := report.get("ledger"):
        families += [
            Family("ripieno_ledger_head", "gauge", "Number of the last durable record.").add(ledger["head"]),
            Family("ripieno_ledger_waiting_records", "gauge", "Records that are not durable yet.").add(
                ledger["waiting"]
            ),
            Family("ripieno_ledger_refused_total", "counter", "Records that found no place.").add(ledger["refused"]),
            Family("ripieno_ledger_durable", "gauge", "1 while the disk takes records.").add(ledger["durable"]),
        ]
    if outbox := report.get("outbox"):
        families.append(
            Family("ripieno_outbox_waiting_results", "gauge", "Results without a receipt.").add(outbox["backlog"])
        )
    return families


def _modes(modes: Mapping[str, Any]) -> list[Family]:
    observing = Family("ripieno_pipeline_observes", "gauge", "1 while the pipeline decides and moves nothing.")
    for name in sorted((*modes["observes"], *modes["acts"])):
        observing.add(name in modes["observes"], {"pipeline": name})
    overridden = Family("ripieno_output_overridden", "gauge", "1 while the output is on manual or bypass.")
    for one in modes["overrides"]:
        overridden.add(1, {"output": one["output"], "mode": one["how"]})
    return [observing, overridden]


def _counters(counters: Mapping[str, int]) -> list[Family]:
    """The engine's counts. They are kept over restarts, with the ledger, so that they only grow while it lives."""
    items = Family("ripieno_engine_total", "counter", "What the engine has counted since the ledger began, by what.")
    for name, count in sorted(counters.items()):
        if name != "open":
            items.add(count, {"what": name})
    families = [items]
    if "open" in counters:
        families.append(Family("ripieno_items_open", "gauge", "Items without a verdict yet.").add(counters["open"]))
    return families
