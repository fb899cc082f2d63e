"""`ripieno logs`: what the daemon said, of one pipeline, decision, item or device, from the journal or its own file."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import CALLED_WRONGLY, NO, OK, Command
from ..output import add_json, give

if TYPE_CHECKING:
    from ripieno_daemon.logs import Entry, Wish
    from ripieno_daemon.logs.reading import Source

STATE = "/var/lib/ripieno"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pipeline", metavar="NAME", help="what is about this pipeline")
    parser.add_argument("--decision", metavar="ID", help="about this decision, and the decision itself from the record")
    parser.add_argument("--item", metavar="ID", help="about this item, such as part-0000002a-17, and its decision")
    parser.add_argument("--device", metavar="NAME", help="about this device of the device file")
    parser.add_argument("--since", metavar="TIME", help="from then on: 90s, 10m, 2h, 3d ago, or 2026-11-22T14:30 (UTC)")
    parser.add_argument("--until", metavar="TIME", help="up to then")
    parser.add_argument(
        "--level", choices=("error", "warning", "notice", "info"), default="info", help="so bad at least (default info)"
    )
    parser.add_argument("-n", "--lines", metavar="N", type=int, default=100, help="the last N (default 100; 0: all)")
    parser.add_argument("--bytes", metavar="N", type=int, help="of these the last that fit into N bytes of JSON")
    parser.add_argument("-f", "--follow", action="store_true", help="go on with what comes, until Ctrl-C")
    parser.add_argument("--decisions", action="store_true", help="put the decisions between them, from the record")
    parser.add_argument(
        "--state", metavar="DIR", type=Path, help="read the daemon's own file in this state directory, not the journal"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.logs import BadWish
    from ripieno_daemon.logs.reading import source

    wants_decisions = bool(arguments.decisions or arguments.decision or arguments.item)
    try:
        if arguments.follow and arguments.decisions:
            raise BadWish("--decisions are read from the record, which is not followed; leave out --follow")
        if arguments.follow and arguments.json not in (None, "-"):
            raise BadWish("--follow has no end that a file could wait for; use --json -")
        wish = _wish(arguments)
    except BadWish as error:
        print(f"ripieno logs: {error}", file=sys.stderr)
        return CALLED_WRONGLY
    read = source(arguments.state, Path(STATE), time.sleep)
    if arguments.follow:
        return _follow(arguments, read, wish)
    entries = read.read(wish, arguments.lines)
    if wants_decisions:
        entries = _with_decisions(arguments, wish, entries)
    told = [entry.as_map() for entry in entries]
    if arguments.bytes is not None:
        told = _fitting(told, arguments.bytes)
    text = "\n".join(map(_line, entries[len(entries) - len(told) :]))
    give(arguments, {"source": read.name, "entries": told}, text)
    if not told:
        print(f"ripieno logs: nothing of that in {read.name}", file=sys.stderr)
    return OK if told else NO


def _wish(arguments: argparse.Namespace) -> Wish:
    from ripieno_daemon.logs import Wish
    from ripieno_daemon.logs.entry import ABOUT
    from ripieno_daemon.logs.wish import time_of

    now_us = time.time_ns() // 1000
    return Wish(
        {name: value for name in ABOUT if (value := getattr(arguments, name)) is not None},
        None if arguments.since is None else time_of(arguments.since, now_us),
        None if arguments.until is None else time_of(arguments.until, now_us),
        arguments.level,
    )


def _with_decisions(arguments: argparse.Namespace, wish: Wish, entries: list[Entry]) -> list[Entry]:
    from ripieno.errors import StorageError
    from ripieno_daemon.logs.decisions import decisions

    try:
        entries = sorted([*entries, *decisions(arguments.state or Path(STATE), wish)], key=lambda entry: entry.at_us)
    except StorageError as error:
        print(f"ripieno logs: decisions are left out: {error}", file=sys.stderr)
    return entries[-arguments.lines :] if arguments.lines else entries


def _follow(arguments: argparse.Namespace, read: Source, wish: Wish) -> int:
    for entry in read.follow(wish, arguments.lines):
        as_json = json.dumps(entry.as_map(), ensure_ascii=False)
        print(as_json if arguments.json == "-" else _line(entry), flush=True)
    return OK


def _fitting(told: list[dict[str, Any]], room: int) -> list[dict[str, Any]]:
    kept: list[dict[str, Any]] = []
    for one in reversed(told):
        room -= len(json.dumps(one, indent=2, ensure_ascii=False).encode(errors="replace")) + 32
        if room < 0:
            break
        kept.append(one)
    return kept[::-1]


def _line(entry: Entry) -> str:
    at = datetime.fromtimestamp(entry.at_us / 1e6).astimezone()
    return f"{at:%Y-%m-%d %H:%M:%S}.{entry.at_us % 1_000_000 // 1000:03d} {entry.level:<7} {entry.text}"


COMMAND = Command(
    "logs",
    "daily",
    "show what the daemon said: by pipeline, decision, item, device, time and level",
    "ripieno logs --since 1h --level warning",
    _arguments,
    _run,
)
