"""`ripieno test`: a bundle's cases, in virtual time; what they have seen, and what they would not notice.

With `--from-ledger` a recorded decision becomes a case.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..command import CALLED_WRONGLY, NO, OK, Command
from ..output import Progress, add_json, give
from ..record.inquiring import inquire

if TYPE_CHECKING:
    from ripieno.plan import Plan
    from ripieno_daemon.inquiry import Past

MOST_SHOWN = 30
BOTH = "--from-ledger DIR and --item ID go together"


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("bundle", metavar="BUNDLE", help="the bundle's folder; its cases are cases/*.yaml")
    parser.add_argument("--case", metavar="NAME", help="run only the cases with this in their name")
    parser.add_argument(
        "--from-ledger",
        metavar="DIR",
        help="print the decision --item of this state directory as a case, and say whether the bundle decides alike",
    )
    parser.add_argument("--item", metavar="ID", help="with --from-ledger: part-...-12, 'part 12' or 12")
    parser.add_argument("--coverage", action="store_true", help="list what no case has seen")
    parser.add_argument(
        "--mutate", action="store_true", help="change the pipeline in many small ways; list what no case notices"
    )
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.casework import load, mutate, run

    if arguments.from_ledger or arguments.item:
        return _keep(arguments)
    loaded = load(Path(arguments.bundle), arguments.case or "")
    progress = Progress()
    result = run(loaded, lambda done, whole: progress.show(f"{done} of {whole} cases"))
    plain: dict[str, Any] = {
        "bundle": str(arguments.bundle),
        "cases": len(result.outcomes),
        "passed": sum(one.passed for one in result.outcomes),
        "failures": [{"case": one.case.name, "why": list(one.failures)} for one in result.outcomes if not one.passed],
        "plant_s": round(sum(one.plant_ns for one in result.outcomes) / 1e9, 3),
        "coverage": {kind: round(share, 4) for kind, share in result.coverage.shares().items()},
        "not_seen": result.coverage.missing(),
    }
    if arguments.mutate and plain["passed"] == plain["cases"]:
        found = mutate(loaded, lambda done, whole: progress.show(f"{done} of {whole} mutants"))
        plain["mutants"] = dataclasses.asdict(found)
    progress.clear()
    give(arguments, plain, _text(plain, arguments))
    return OK if plain["passed"] == plain["cases"] else NO


def _keep(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.casework import plan_of, try_case
    from ripieno_daemon.inquiry.kept import kept

    if not (arguments.from_ledger and arguments.item):
        give(arguments, {"error": BOTH}, BOTH)
        return CALLED_WRONGLY
    plan = plan_of(Path(arguments.bundle))

    def ask(past: Past, given: Plan | None) -> tuple[int, dict[str, Any], str]:
        case = kept(past, arguments.item, plan.name, given)
        failures = try_case(case.text, plan)
        told = [] if failures else [f"# {plan.name} {plan.version} decides it alike."]
        told += [f"# {plan.name} {plan.version} decides otherwise: {one}" for one in failures]
        plain = {"id": case.id, "record": case.record, "case": case.name, "text": case.text, "failures": failures}
        return (NO if failures else OK), plain, "\n".join([*told, case.text.rstrip()])

    arguments.device = None
    return inquire(arguments, arguments.from_ledger, ask)


def _text(plain: dict[str, Any], arguments: argparse.Namespace) -> str:
    lines = [f"{plain['passed']} of {plain['cases']} cases passed, {plain['plant_s']:g} s of plant time"]
    for failure in plain["failures"]:
        lines += [f"FAILED {failure['case']}", *(f"    {why}" for why in failure["why"])]
    shares = ", ".join(f"{kind.replace('_', ' ')} {share:.0%}" for kind, share in plain["coverage"].items())
    lines.append(f"coverage: {shares}")
    if arguments.coverage:
        lines += [f"    not seen: {what}" for what in plain["not_seen"]]
    mutants = plain.get("mutants")
    if mutants is not None:
        lines.append(f"mutants: {mutants['killed']} of {mutants['made']} noticed")
        lines += [f"    survived: {one['where']}: {one['what']}" for one in mutants["survivors"][:MOST_SHOWN]]
        if len(mutants["survivors"]) > MOST_SHOWN:
            lines.append(f"    ... and {len(mutants['survivors']) - MOST_SHOWN} more (--json lists them)")
    elif arguments.mutate:
        lines.append("mutants: not made; the cases should pass first")
    return "\n".join(lines)


COMMAND = Command(
    "test",
    "author",
    "run a bundle's cases, and see what they would not notice",
    "ripieno test pipelines/bundles/quality-control --coverage --mutate",
    _arguments,
    _run,
)
