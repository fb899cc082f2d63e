"""The command line: finds the commands, groups them for the top help, turns expected errors into one line and an
exit code.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from importlib import metadata

from ripieno.errors import ConfigError, RipienoError

from .command import CALLED_WRONGLY, GROUPS, NO, Command

BUILT_IN = {
    "run": "ripieno_daemon.cli.device.run",
    "check": "ripieno_daemon.cli.author.check",
    "test": "ripieno_daemon.cli.author.test",
    "schema": "ripieno_daemon.cli.author.schema",
    "reference": "ripieno_daemon.cli.author.reference",
    "scan": "ripieno_daemon.cli.device.scan",
    "evaluate": "ripieno_daemon.cli.author.evaluate",
    "bundle seal": "ripieno_daemon.cli.bundle.seal",
    "bundle pack": "ripieno_daemon.cli.bundle.pack",
    "bundle sign": "ripieno_daemon.cli.bundle.sign",
    "bundle verify": "ripieno_daemon.cli.bundle.verify",
    "bundle install": "ripieno_daemon.cli.bundle.install",
    "bundle diff": "ripieno_daemon.cli.bundle.diff",
    "ledger verify": "ripieno_daemon.cli.record.ledger_verify",
    "replay": "ripieno_daemon.cli.record.replay",
    "why": "ripieno_daemon.cli.record.why",
    "why-not": "ripieno_daemon.cli.record.why_not",
    "driver test": "ripieno_daemon.cli.author.driver_test",
    "bench rules": "ripieno_daemon.cli.author.bench_rules",
    "status": "ripieno_daemon.cli.running.status",
    "top": "ripieno_daemon.cli.running.top",
    "logs": "ripieno_daemon.cli.running.logs",
    "alarms acknowledge": "ripieno_daemon.cli.running.acknowledge",
    "alarms test": "ripieno_daemon.cli.running.alarms_test",
    "alarms": "ripieno_daemon.cli.running.alarms",
    "asks": "ripieno_daemon.cli.running.asks",
    "answer": "ripieno_daemon.cli.running.answer",
    "tell": "ripieno_daemon.cli.running.tell",
    "safe": "ripieno_daemon.cli.running.safe",
    "rearm": "ripieno_daemon.cli.running.rearm",
    "observe": "ripieno_daemon.cli.running.observe",
    "recipe": "ripieno_daemon.cli.running.recipe",
    "act": "ripieno_daemon.cli.running.act",
    "manual": "ripieno_daemon.cli.running.manual",
    "bypass": "ripieno_daemon.cli.running.bypass",
    "auto": "ripieno_daemon.cli.running.auto",
    "reload": "ripieno_daemon.cli.running.reload",
    "health": "ripieno_daemon.cli.running.health",
    "metrics": "ripieno_daemon.cli.running.metrics",
    "init": "ripieno_daemon.cli.device.init",
    "doctor": "ripieno_daemon.cli.device.doctor",
    "backup": "ripieno_daemon.cli.device.backup",
    "restore": "ripieno_daemon.cli.device.restore",
    "systemd show": "ripieno_daemon.cli.device.systemd_show",
    "systemd install": "ripieno_daemon.cli.device.systemd_install",
    "fleet init": "ripieno_daemon.cli.fleet.init",
    "fleet enrol": "ripieno_daemon.cli.fleet.enrol",
    "fleet key": "ripieno_daemon.cli.fleet.key",
    "fleet token": "ripieno_daemon.cli.fleet.token",
    "enrol": "ripieno_daemon.cli.device.enrol",
    "fleet policy": "ripieno_daemon.cli.fleet.policy",
    "fleet ls": "ripieno_daemon.cli.fleet.ls",
    "fleet show": "ripieno_daemon.cli.fleet.show",
    "fleet watch": "ripieno_daemon.cli.fleet.watch",
    "fleet cmd": "ripieno_daemon.cli.fleet.cmd",
    "fleet cancel": "ripieno_daemon.cli.fleet.cancel",
    "fleet set": "ripieno_daemon.cli.fleet.set",
    "fleet push": "ripieno_daemon.cli.fleet.push",
    "fleet decommission": "ripieno_daemon.cli.fleet.decommission",
    "consume": "ripieno_daemon.cli.fleet.consume",
}
ENTRY_POINTS = "ripieno.commands"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command. Returns 0 (ok), 1 (the answer is no) or 2 (called wrongly)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(_help(every_command()))
        return 0 if words else CALLED_WRONGLY
    if words[0] == "--version":
        print(f"ripieno {metadata.version('ripieno')}")
        return 0
    command, rest = _find(words)
    if command is None:
        print(f"ripieno: there is no command {words[0]!r}; `ripieno --help` lists them", file=sys.stderr)
        return CALLED_WRONGLY
    parser = argparse.ArgumentParser(
        prog=f"ripieno {command.name}",
        description=command.summary,
        epilog=f"example:\n  {command.example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.arguments(parser)
    arguments = parser.parse_args(rest)
    try:
        return command.run(arguments)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return CALLED_WRONGLY
    except RipienoError as error:
        print(f"ripieno {command.name}: {error}", file=sys.stderr)
        return NO
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return NO


def _find(words: list[str]) -> tuple[Command | None, list[str]]:
    """Return the command that the first words name, and what follows. Only that command's module is imported."""
    names = [(" ".join(words[:count]), words[count:]) for count in (2, 1) if len(words) >= count]
    for name, rest in names:
        if name in BUILT_IN:
            return _load(BUILT_IN[name]), rest
    for name, rest in names:
        for point in metadata.entry_points(group=ENTRY_POINTS, name=name):
            return point.load(), rest
    return None, words


def _load(module: str) -> Command:
    command = importlib.import_module(module).COMMAND
    assert isinstance(command, Command)
    return command


def every_command(modules: tuple[str, ...] = ("",)) -> list[Command]:
    """Return the commands that are built in, and of the installed ones those of modules that begin so."""
    points = [one for one in metadata.entry_points(group=ENTRY_POINTS) if one.value.startswith(modules)]
    return [*map(_load, BUILT_IN.values()), *(point.load() for point in points)]


def _help(commands: list[Command]) -> str:
    lines = [
        "ripieno: models, sensors, people and machines on one device, playing one piece",
        "",
        "usage: ripieno COMMAND [options]        ripieno COMMAND --help shows an example",
    ]
    for group, title in GROUPS.items():
        members = [command for command in commands if command.group == group]
        if members:
            lines += ["", f"{title}:"]
            lines += [f"  {command.name:<15} {command.summary}" for command in sorted(members, key=lambda c: c.name)]
    return "\n".join([*lines, "", "exit codes: 0 ok, 1 the answer is no, 2 called wrongly"])
