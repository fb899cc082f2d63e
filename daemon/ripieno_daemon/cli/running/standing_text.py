"""The daemon's standing as text for a person: what is wrong comes first."""

from __future__ import annotations

from typing import Any

from .alarms import line_of

COUNTED = ("triggers", "good", "defective", "undecided")


def standing_text(report: dict[str, Any]) -> str:
    """Return the lines of `ripieno status`."""
    return "\n".join(
        f"{name:<10} {first}" if name else f"{'':<10} {first}"
        for name, lines in _rows(report)
        for name, first in _under(name, lines)
    )


def _under(name: str, lines: list[str]) -> list[tuple[str, str]]:
    return [(name if not number else "", line) for number, line in enumerate(lines)]


def _rows(report: dict[str, Any]) -> list[tuple[str, list[str]]]:
    plan = report["plan"]
    rows = [("daemon", [f"{report['phase']}: {report['doing']}", _life(report)])]
    alarms = [line for alarm in report["alarms"] for line in line_of(alarm).splitlines()]
    rows += [("ALARMS", alarms)] if alarms else []
    held = report.get("held")
    rows += [("outputs", [f"HELD SAFE by {held['by']}: {held['why'] or 'no reason given'}"])] if held else []
    rows += _modes(report.get("modes"))
    rows += _recipe(report.get("recipe"))
    if plan:
        names = ", ".join(f"{one['name']} {one['version']}" for one in plan["pipelines"])
        rows.append(("plan", [f"{names} ({plan['digest'][:16]}, from the {plan['source']})"]))
    rows.append(
        (
            "devices",
            [
                f"{name}: {'up' if one['up'] else 'DOWN: ' + one['why']}"
                for name, one in report.get("devices", {}).items()
            ],
        )
    )
    models = report.get("models", {})
    rows.append(
        ("models", [f"{step}: {one['model']} on {one['runtime']} {one['version']}" for step, one in models.items()])
    )
    counters = report.get("counters", {})
    rows.append(("items", [", ".join(f"{counters.get(name, 0)} {name}" for name in COUNTED)] if counters else []))
    if ledger := report.get("ledger"):
        durable = "durable" if ledger["durable"] else "NOT DURABLE"
        rows.append(("record", [f"{ledger['head']} records, {ledger['waiting']} waiting, {durable}"]))
    if uses := report.get("storage"):
        rows.append(("storage", [_use(name, one) for name, one in uses.items()]))
    if outbox := report.get("outbox"):
        rows.append(("results", [f"{outbox['backlog']} wait for a receipt"]))
    return [(name, lines) for name, lines in rows if lines]


def _use(name: str, one: dict[str, int]) -> str:
    limit = f" of {one['limit'] / 1e6:.0f} MB" if one["limit"] else ""
    return f"{name}: {one['bytes'] / 1e6:.1f} MB{limit}"


def _recipe(recipe: dict[str, Any] | None) -> list[tuple[str, list[str]]]:
    if not recipe:
        return []
    count = len(recipe["products"])
    return [("recipe", [recipe["wrong"] or recipe["recipe"] or f"none of {count} chosen: the files' numbers"])]


def _modes(modes: dict[str, Any] | None) -> list[tuple[str, list[str]]]:
    if not modes:
        return []
    observing = [f"{name} OBSERVES ONLY, by {_said(one)}" for name, one in modes["observes"].items()]
    lines = [_override(one) for one in modes["overrides"]]
    return [("mode", observing), ("by hand", lines)]


def _said(one: dict[str, Any]) -> str:
    return f"{one['by']}: {one['why']}" if one["why"] else str(one["by"])


def _override(one: dict[str, Any]) -> str:
    rest = f"; {one['rest']}" if one["rest"] else ""
    return f"{one['text']} ({one['left_s']:.0f} s left){rest}"


def _life(report: dict[str, Any]) -> str:
    modes = report.get("modes")
    able = "an act is possible now" if not modes or modes["acts"] else "it decides, and moves nothing"
    ready = f"ready: {able}" if report["ready"] else "not ready"
    up = f"up {report['up_s']:.0f} s, pid {report['pid']}, {report['memory_bytes'] / 1e6:.0f} MB"
    return f"{ready}; {up}, version {report['version']}"
