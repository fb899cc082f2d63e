"""`ripieno sim run`: the whole daemon in virtual time, from many seeds, with everything that can go wrong."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from ripieno_daemon.cli.command import CALLED_WRONGLY, NO, OK, Command
from ripieno_daemon.cli.output import Progress, add_json, give

from .faults import FAULTS

MOST_SEEDS: Final = 1_000_000


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--seeds",
        metavar="FIRST:BEHIND",
        type=_seeds,
        default=range(20),
        help="which seeds, without the last one named (default 0:20); one number is one seed",
    )
    parser.add_argument("--minutes", type=_minutes, default=10.0, help="of plant time, for each seed (default 10)")
    parser.add_argument("--without", metavar="FAULT", action="append", default=[], help="leave a kind of fault out")
    parser.add_argument("--faults", choices=["list"], help="list the kinds of faults, and end")
    parser.add_argument("--jobs", type=int, default=0, help="processes at a time (default: one for each core)")
    parser.add_argument(
        "--state",
        metavar="DIR",
        type=Path,
        help="of one seed: keep its ledger and files in DIR (empty or new), for `ripieno why` and `ripieno replay`",
    )
    add_json(parser)


def _seeds(text: str) -> range:
    first, colon, behind = text.partition(":")
    try:
        found = range(int(first), int(behind) if colon else int(first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError(f"FIRST:BEHIND such as 0:100 is expected, {text!r} came") from None
    if not 0 < len(found) <= MOST_SEEDS or found.start < 0:
        raise argparse.ArgumentTypeError(f"1 to {MOST_SEEDS} seeds from 0 on are expected, {text!r} came")
    return found


def _minutes(text: str) -> float:
    minutes = float(text)
    if not 0.5 <= minutes <= 100_000:
        raise argparse.ArgumentTypeError(f"0.5 to 100000 minutes are expected, {text} came")
    return minutes


def _run(arguments: argparse.Namespace) -> int:
    progress = Progress()
    if arguments.faults:
        lines = [f"{fault.name:<18} {fault.says}" for fault in FAULTS.values()]
        give(arguments, {fault.name: fault.says for fault in FAULTS.values()}, "\n".join(lines))
        return OK
    if strange := [name for name in arguments.without if name not in FAULTS]:
        progress.say(f"ripieno sim run: there is no fault {strange[0]!r}; `--faults list` shows those there are")
        return CALLED_WRONGLY
    if arguments.jobs < 0:
        progress.say("ripieno sim run: --jobs is a number of processes, 1 or more")
        return CALLED_WRONGLY
    if arguments.state is not None and (why := _unusable(arguments.state, arguments.seeds)):
        progress.say(f"ripieno sim run: {why}")
        return CALLED_WRONGLY
    return _campaign(arguments, progress)


def _unusable(state: Path, seeds: range) -> str:
    """Return why a state folder cannot be used, "" where it can; it is made."""
    if len(seeds) > 1:
        return "--state is for one seed"
    if state.exists() and (not state.is_dir() or any(state.iterdir())):
        return f"{state}: not an empty folder; name a new one, so that no run is mixed with another"
    state.mkdir(parents=True, exist_ok=True)
    return ""


def _campaign(arguments: argparse.Namespace, progress: Progress) -> int:
    from .many import Ran, cores, run_many, run_one
    from .story import text

    seeds, minutes, without = arguments.seeds, arguments.minutes, arguments.without
    jobs, began_s = arguments.jobs or cores(), time.monotonic()

    def show(ended: int, plant_s: float, violations: int) -> None:
        progress.show(f"{ended} of {len(seeds)} seeds, {plant_s / 3600:.1f} h of plant time, {violations} violations")

    def one() -> Iterator[Ran]:
        assert arguments.state is not None
        total_s = minutes * 60
        yield run_one(
            seeds[0], minutes, without, arguments.state.absolute(),
            lambda now_us: progress.show(f"{now_us / 1e6:.0f} of {total_s:.0f} s of plant time"),
        )  # fmt: skip

    ran: list[Ran] = []
    show(0, 0.0, 0)
    for each in one() if arguments.state is not None else run_many(seeds, minutes, without, jobs):
        ran.append(each)
        if each.violations:
            progress.say("\n".join(text(violation) for violation in each.violations))
        show(len(ran), sum(one.plant_s for one in ran), sum(len(one.violations) for one in ran))
    progress.clear()
    result = _result(ran, minutes, without, time.monotonic() - began_s)
    give(arguments, result, _text(result))
    return NO if result["violations"] else OK


def _result(ran: Sequence[Any], minutes: float, without: Sequence[str], wall_s: float) -> dict[str, Any]:
    ordered = sorted(ran, key=lambda one: one.seed)
    counts: Counter[str] = Counter()
    faults: Counter[str] = Counter()
    for one in ordered:
        counts.update(one.counts)
        faults.update(one.faults)
    return {
        "seeds": len(ordered),
        "first": ordered[0].seed,
        "last": ordered[-1].seed,
        "minutes": minutes,
        "without": list(without),
        "violations": [violation for one in ordered for violation in one.violations],
        "plant_s": round(sum(one.plant_s for one in ordered), 1),
        "wall_s": round(wall_s, 2),
        "cpu_s": round(sum(one.cpu_s for one in ordered), 2),
        "counts": dict(sorted(counts.items())),
        "faults": dict(sorted(faults.items())),
        "heads": {str(one.seed): one.head for one in ordered},
    }


def _text(result: dict[str, Any]) -> str:
    seeds, counts, faults = result["seeds"], result["counts"], sum(result["faults"].values())
    failing = sorted({violation["seed"] for violation in result["violations"]})
    hours, wall_s, each_s = result["plant_s"] / 3600, result["wall_s"], result["cpu_s"] / seeds
    lines = [
        f"{seeds} seeds: {hours:.1f} h of plant time in {wall_s:.0f} s ({each_s:.1f} s of a core each)",
        f"{counts['parts']} parts, {counts['passed']} of them let through; {counts['corrections']} changes of the flow",
        f"{counts['acts']} acts, {counts['in_doubt']} in doubt; {counts['records']} records",
        f"{faults} faults, {counts['lives']} lives of the daemon, {counts['board_resets']} board resets",
    ]
    wrong = f"{len(result['violations'])} violations in {len(failing)} seeds: {failing[:10]}"
    return "\n".join([*lines, wrong if failing else "0 violations"])


COMMAND = Command(
    "sim run",
    "prove",
    "torment the whole daemon in virtual time, from many seeds, and check every invariant",
    "ripieno sim run --seeds 0:100 --minutes 10        (5 minutes; exit 1 and the seed's story if one is broken)",
    _arguments,
    _run,
)
