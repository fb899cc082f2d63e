"""Files -> a plan, or every problem that they have."""

from __future__ import annotations

from ripieno.errors import ConfigError, Problem
from ripieno.plan import Plan

from .device import Drivers, compile_parts
from .pipeline import compile_pipeline
from .problems import Problems, TooManyProblems
from .seal import Read, Resolve, as_written


def compile_device(device_file: str, read: Read, drivers: Drivers, resolve: Resolve = as_written) -> Plan:
    """Return the plan of a device file and the bundles that it names.

    Args:
        device_file: its path; the paths in it count from its folder.
        read: gives the bytes at a path; raises OSError.
        drivers: by name, those that may be used.
        resolve: gives the folder that a bundle's folder stands for, where it is a link.

    Raises:
        ConfigError: with every problem of every file.
    """
    problems = Problems()
    report = problems.file(device_file)
    try:
        content = read(device_file)
    except OSError as error:
        report.add(0, 0, "", f"cannot be read: {error.strerror or error}")
        raise ConfigError(problems.ordered()) from error
    plan = None
    try:
        plan = compile_parts(device_file, content, read, drivers, problems, resolve)
    except TooManyProblems:
        pass  # the last one says so
    found = problems.ordered()
    if plan is None or found:
        raise ConfigError(found)
    return plan


def check_pipeline(path: str, read: Read) -> tuple[Problem, ...]:
    """Return the problems of one bundle (its folder, or its pipeline.yaml), whatever device it may run on."""
    problems = Problems()
    bundle = path.removesuffix("/pipeline.yaml") if path != "pipeline.yaml" else "."
    compile_pipeline(bundle.rstrip("/") or "/", read, problems)
    return problems.ordered()
