"""`ripieno metrics`: the daemon's metrics in Prometheus' text format, for a scrape through this machine's exporter."""

from __future__ import annotations

import argparse

from .command import OK, Command
from .local import add_where, ask
from .output import give


def _arguments(parser: argparse.ArgumentParser) -> None:
    add_where(parser)


def _run(arguments: argparse.Namespace) -> int:
    answer = ask(arguments, "metrics")
    give(arguments, answer, answer["text"].rstrip("\n"))
    return OK


COMMAND = Command(
    "metrics",
    "operate",
    "print the daemon's metrics in Prometheus' text format",
    "ripieno metrics > /var/lib/prometheus/node-exporter/ripieno.prom",
    _arguments,
    _run,
)
