"""`python -m tests.kills`: every point of every victim, and images of power cuts; exit 1 if one is bad."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from .campaign import Result, run


def main() -> int:
    """Try all points, some, or those that are named."""
    parser = argparse.ArgumentParser(prog="python -m tests.kills", description=__doc__)
    parser.add_argument("points", nargs="*", help="only these, as a failure prints them (ledger:pwrite64:7:kill)")
    parser.add_argument("--points", dest="most", type=int, help="so many, spread evenly (default: all)")
    parser.add_argument("--images", type=int, default=200, help="of power cuts, for each victim (default 200)")
    parser.add_argument("--without", metavar="PROTECTION", help="with a protection taken out: it must come out bad")
    parser.add_argument("--jobs", type=int, default=2, help="processes (default 2)")
    parser.add_argument("--json", metavar="FILE", help="write the result to FILE, or to standard output if FILE is -")
    arguments = parser.parse_args()
    result = run(arguments.points, arguments.most, arguments.images, arguments.jobs, arguments.without)
    _give(result, arguments.json)
    return 1 if result.bad else 0


def _give(result: Result, target: str | None) -> None:
    out = sys.stderr if target == "-" else sys.stdout
    for name, counts in sorted(result.counts.items()):
        told = ", ".join(f"{count} {how}" for how, count in sorted(counts.items()))
        print(f"{name:<12} {sum(counts.values()):>5} points: {told}", file=out)
    for point, what in result.bad:
        print(f"BAD {point}: {what}", file=out)
    print(f"{result.total} points, {len(result.bad)} bad, {result.seconds:.0f} s", file=out)
    if target:
        text = json.dumps({"total": result.total, "bad": result.bad, "counts": result.counts, "s": result.seconds})
        print(text) if target == "-" else Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
