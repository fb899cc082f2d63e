"""`python -m tests.mutants`: plant each fault, say what caught it; exit 1 if one is not caught."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from .mutant import Finding, Mutant
from .planted import MUTANTS, hunt_named


def main() -> int:
    """Hunt all mutants, or those whose name has the given words."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants with one of these words in their name")
    parser.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), help="how many at once (all cores)")
    parser.add_argument("--json", metavar="FILE", help="write the findings to FILE, or to standard output if FILE is -")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if not arguments.words or any(word in m.name for word in arguments.words)]
    if not chosen:
        parser.error(f"no mutant has these words; there are: {'; '.join(mutant.name for mutant in MUTANTS)}")
    findings = []
    for finding in _hunted(chosen, arguments.jobs):
        findings.append(finding)
        print(_line(finding), file=sys.stderr if arguments.json == "-" else sys.stdout, flush=True)
    if arguments.json:
        _write(arguments.json, findings)
    return 0 if all(finding.is_good for finding in findings) else 1


def _hunted(chosen: list[Mutant], jobs: int) -> Iterator[Finding]:
    """Hunt each in a process of its own: what one takes out is missed by no other."""
    with ProcessPoolExecutor(max(1, jobs), mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        yield from processes.map(hunt_named, [mutant.name for mutant in chosen])


def _line(finding: Finding) -> str:
    name = finding.mutant
    if finding.control_broken:
        return f"BROKEN      {name}: the product itself fails: {finding.control_broken[0]}"
    if finding.seed is None:
        return f"NOT CAUGHT  {name}: {finding.tried} seeds showed nothing"
    more = f" (and {len(finding.broken) - 1} more)" if len(finding.broken) > 1 else ""
    return f"caught      {name}: seed {finding.seed}: {finding.broken[0]}{more}"


def _write(target: str, findings: list[Finding]) -> None:
    plain = [{"mutant": f.mutant, "caught": f.seed is not None, "seed": f.seed, "broken": f.broken} for f in findings]
    text = json.dumps(plain, indent=2)
    print(text) if target == "-" else Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
