"""How a report reads: a JSON document for programs, and the same as Markdown for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from ripieno.values import Booking
from ripieno_drivers.payloads import booking_document, to_json


def as_json(booking: Booking, wall_ns: int) -> bytes:
    """Return the booking's document with the time at which it was written."""
    return to_json({**booking_document(booking), "written": _iso(wall_ns)}, indent=2) + b"\n"


def as_markdown(booking: Booking, wall_ns: int) -> bytes:
    """Return a heading, the fields in a table, and where it comes from."""
    document = booking_document(booking)
    lines = [f"# {_plain(f'{booking.output}: {booking.verb}')}", ""]
    if document["fields"]:
        lines += ["| | |", "|---|---|"]
        lines += [f"| {_plain(name)} | {_plain(_said(value))} |" for name, value in document["fields"].items()]
        lines.append("")
    lines.append(f"Written {_iso(wall_ns)} for act `{_plain(document['act']).replace('`', '')}`.")
    return ("\n".join(lines) + "\n").encode("utf-8", "replace")


def _said(value: Any) -> str:
    match value:
        case None:
            return "not known"
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:g}"
    return str(value)


def _plain(text: str) -> str:
    """Return a text that is one line and means nothing else in Markdown or HTML."""
    for sign, written in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("*", "\\*"), ("_", "\\_"), ("[", "\\[")):
        text = text.replace(sign, written)
    return " ".join(text.split())


def _iso(wall_ns: int) -> str:
    return datetime.fromtimestamp(wall_ns // 1_000_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
