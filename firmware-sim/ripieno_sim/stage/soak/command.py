"""`ripieno sim link-soak`: the link under everything that can go wrong, in virtual time."""

from __future__ import annotations

import argparse
import os
import time
from typing import Any

from ripieno_daemon.cli.command import CALLED_WRONGLY, NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

from .boards import BOARDS
from .mixes import MIXES


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--mix", default="everything", help="what goes wrong: a mix, `all` for each in turn, `list` to see them"
    )
    parser.add_argument(
        "--commands", type=_positive, default=100_000, help="acts that are given an id, for each mix (default 100000)"
    )
    parser.add_argument("--seed", type=int, default=3, help="decides every random draw (default 3)")
    parser.add_argument(
        "--board",
        choices=list(BOARDS),
        help="the firmware's C core or the Python board (default: the firmware where make and a C compiler are found)",
    )
    parser.add_argument(
        "--machines",
        type=_positive,
        help="how many machines share the commands, each with a seed of its own (default: one for each 25000)",
    )
    add_json(parser)


def _positive(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 100_000_000:
        raise argparse.ArgumentTypeError(f"a number of commands from 1 to 100000000 is expected, {text} came")
    return number


def _run(arguments: argparse.Namespace) -> int:
    progress = Progress()
    if arguments.mix == "list":
        give(arguments, {name: mix.says for name, mix in MIXES.items()}, _list())
        return OK
    if arguments.mix not in (*MIXES, "all"):
        progress.say(
            f"ripieno sim link-soak: there is no mix {arguments.mix!r}; there are: {', '.join(MIXES)}, all, list"
        )
        return CALLED_WRONGLY
    names = list(MIXES) if arguments.mix == "all" else [arguments.mix]
    from ripieno_sim.firmware import BuildFailed, ToolMissing, built

    board = arguments.board or _usual_board(progress)
    try:
        if board == "c":
            built("virtual")
    except (ToolMissing, BuildFailed) as error:
        progress.say(f"ripieno sim link-soak: {error}; or soak the other board: --board python")
        return CALLED_WRONGLY
    told = [_one(arguments, name, board, progress) for name in names]
    give(arguments, told[0] if len(told) == 1 else {"mixes": told}, "\n".join(map(_text, told)))
    return NO if any(each["broken"] for each in told) else OK


def _usual_board(progress: Progress) -> str:
    from ripieno_sim.firmware import ToolMissing
    from ripieno_sim.firmware.build import require

    try:
        require("make", "to soak the firmware")
        require("cc", "to soak the firmware")
    except ToolMissing as missing:
        progress.say(f"the Python board is soaked: {missing}")
        return "python"
    return "c"


def _one(arguments: argparse.Namespace, name: str, board: str, progress: Progress) -> dict[str, Any]:
    from .side_by_side import shares, soak_all

    began_s, began_cpu_s = time.monotonic(), _cpu_s()

    def show(commands: int, now_us: int) -> None:
        progress.show(f"{name}: {commands} of {arguments.commands} commands, {now_us / 1e6:.0f} s of virtual time")

    told = shares(name, arguments.seed, arguments.commands, board, arguments.machines)
    figures = soak_all(told, show)
    progress.clear()
    figures = {"seed": arguments.seed, "board": board, "machines": len(told), **figures}
    figures["wall_s"] = round(time.monotonic() - began_s, 2)
    figures["cpu_s"] = round(_cpu_s() - began_cpu_s, 2)
    for line in figures["broken"]:
        progress.say(f"BROKEN: {line}")
    return figures


def _cpu_s() -> float:
    """Return what this process and its ended children have used."""
    return sum(os.times()[:4])


def _text(told: dict[str, Any]) -> str:
    """Return a mix's figures in a line."""
    recovery = told["recovery_ms"]
    back = "" if recovery["median"] is None else f", back after {recovery['median']} ms (p99 {recovery['p99']})"
    kinds = ("executed", "not_executed", "in_doubt", "doubled", "false_claims", "unresolved")
    counts = ", ".join(f"{kind.replace('_', ' ')} {told[kind]}" for kind in kinds)
    return (
        f"{told['mix']}, seed {told['seed']}, board {told['board']}: {told['commands']} commands: {counts}{back}; "
        f"{told['virtual_s']} s of virtual time in {told['wall_s']} s"
    )


def _list() -> str:
    return "\n".join(f"{name:<12} {mix.says}" for name, mix in MIXES.items())


COMMAND = Command(
    "sim link-soak",
    "prove",
    "ask a simulated machine for 100,000 acts while line, board and daemon fail; count what it really did",
    "ripieno sim link-soak --mix everything --commands 20000 --seed 3        (10 s; exit 1 if a promise is broken)",
    _arguments,
    _run,
)
