"""`python -m tests.mutants`: plant each fault, say what caught it; exit 1 if one is not caught."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from . import campaign, line, link
from .mutant import Finding, hunt

MUTANTS = (*line.MUTANTS, *link.MUTANTS, *campaign.MUTANTS)


def main() -> int:
    """Hunt all mutants, or those whose name has the given words."""
    parser = argparse.ArgumentParser(prog="make mutants", description=__doc__)
    parser.add_argument("words", nargs="*", help="only mutants with one of these words in their name")
    parser.add_argument("--json", metavar="FILE", help="write the findings to FILE, or to standard output if FILE is -")
    arguments = parser.parse_args()
    chosen = [m for m in MUTANTS if not arguments.words or any(word in m.name for word in arguments.words)]
    if not chosen:
        parser.error(f"no mutant has these words; there are: {'; '.join(mutant.name for mutant in MUTANTS)}")
    findings = []
    for mutant in chosen:
        finding = hunt(mutant)
        findings.append(finding)
        print(_line(finding), file=sys.stderr if arguments.json == "-" else sys.stdout, flush=True)
    if arguments.json:
        _write(arguments.json, findings)
    return 0 if all(finding.is_good for finding in findings) else 1


def _line(finding: Finding) -> str:
    name = finding.mutant.name
    if finding.control_broken:
        return f"BROKEN      {name}: the product itself fails: {finding.control_broken[0]}"
    if finding.seed is None:
        return f"NOT CAUGHT  {name}: {finding.mutant.seeds} seeds showed nothing"
    more = f" (and {len(finding.broken) - 1} more)" if len(finding.broken) > 1 else ""
    return f"caught      {name}: seed {finding.seed}: {finding.broken[0]}{more}"


def _write(target: str, findings: list[Finding]) -> None:
    plain = [
        {"mutant": f.mutant.name, "caught": f.seed is not None, "seed": f.seed, "broken": f.broken} for f in findings
    ]
    text = json.dumps(plain, indent=2)
    print(text) if target == "-" else Path(target).write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
