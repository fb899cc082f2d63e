"""`ripieno driver test`: does a driver keep the contract that it claims? Tried against its simulated devices."""

from __future__ import annotations

import argparse

from ..command import CALLED_WRONGLY, NO, OK, Command
from ..output import Progress, add_json, give


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="a driver, as the device file names it")
    parser.add_argument("--only", metavar="WORDS", default="", help="only checks whose name has these words in it")
    add_json(parser)


def _run(arguments: argparse.Namespace) -> int:
    from ripieno_daemon.compiling.drivers import installed_drivers
    from ripieno_drivers.conformance import Report, examine, simulated_devices

    drivers = installed_drivers()
    if arguments.name not in drivers:
        known = f"there is no driver {arguments.name!r}; installed: {', '.join(sorted(drivers))}"
        give(arguments, {"error": known}, known)
        return CALLED_WRONGLY
    devices = simulated_devices(arguments.name)
    if not devices:
        none = f"driver {arguments.name} has no simulated device (entry point group ripieno.simulated)"
        give(arguments, {"error": none}, f"{none}; docs/write-a-driver.md shows one")
        return CALLED_WRONGLY
    progress = Progress()
    reports: list[Report] = []
    for name, factory in devices.items():

        def tell(check: str, name: str = name) -> None:
            progress.show(f"{name}: {check}")

        reports.append(examine(drivers[arguments.name], factory, device=name, only=arguments.only, tell=tell))
    progress.clear()
    passed = all(report.passed for report in reports)
    give(
        arguments,
        {"driver": arguments.name, "passed": passed, "reports": [report.plain() for report in reports]},
        "\n".join(map(_text, reports)),
    )
    return OK if passed else NO


def _text(report: object) -> str:
    from ripieno_drivers.conformance import Report

    assert isinstance(report, Report)
    safe = "falls safe by itself" if report.falls_safe else "does not fall safe: `check` asks for an interlock"
    claims = f"claims {report.contract}, {safe}" if report.contract != "none" else "moves nothing"
    lines = [f"{report.driver} against {report.device}: {claims}"]
    for check in report.checks:
        mark = "skip" if check.skipped else "ok  " if check.passed else "FAIL"
        figures = ", ".join(f"{name} {value}" for name, value in check.figures.items() if value)
        lines.append(f"  {mark} {check.name:<24} {check.skipped or figures}")
        lines += [f"       {problem}" for problem in check.problems]
    failed = sum(not check.passed for check in report.checks)
    lines.append(
        f"  {len(report.checks)} checks, {failed} failed" if failed else f"  {len(report.checks)} checks passed"
    )
    return "\n".join(lines)


COMMAND = Command(
    "driver test",
    "author",
    "try a driver against its simulated device: does it keep the contract that it claims?",
    "ripieno driver test modbus-rtu",
    _arguments,
    _run,
)
