"""The files of `systemd/`: in the wheel beside this package, in a checkout at its top."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

import ripieno_daemon
from ripieno.errors import BundleError

WHERE = {
    "ripieno.service": "etc/systemd/system/ripieno.service",
    "sysusers.d/ripieno.conf": "etc/sysusers.d/ripieno.conf",
    "tmpfiles.d/ripieno.conf": "etc/tmpfiles.d/ripieno.conf",
    "udev/60-ripieno.rules": "etc/udev/rules.d/60-ripieno.rules",
}
PROGRAM = "/opt/ripieno/bin/ripieno"  # as the unit has it; `place` puts the installed one there


@dataclass(frozen=True, slots=True)
class UnitFile:
    """One file: its name in `systemd/`, its place below the root, and its text."""

    name: str
    place: str
    text: str


def folder() -> Path:
    """Return where the files are.

    Raises:
        BundleError: they are nowhere; the installation is damaged.
    """
    package = Path(ripieno_daemon.__file__).parent
    for found in (package / "systemd", package.parent.parent / "systemd"):
        if (found / "ripieno.service").is_file():
            return found
    raise BundleError(f"the unit files are not installed; looked beside {package}; install the wheel again")


def own_program() -> str:
    """Return the path of the `ripieno` that belongs to the interpreter that runs now."""
    return str(Path(sys.executable).parent / "ripieno")


def unit_files(program: str = PROGRAM) -> list[UnitFile]:
    """Return all files, with `program` as what the unit starts."""
    source = folder()
    return [
        UnitFile(name, place, (source / name).read_text(encoding="utf-8").replace(PROGRAM, program))
        for name, place in WHERE.items()
    ]
