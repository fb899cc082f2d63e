"""Where a tier is promised (RIPIENO_REQUIRE, see tiers.py), a missing tool ends the run before it hides as a skip."""

from __future__ import annotations

import os

import pytest
from tiers import find

PROGRAMS = {
    "mosquitto": ("mosquitto",),
    "strace": ("strace",),
    "cc": ("make", "cc"),
    "qemu": ("qemu-system-arm", "arm-none-eabi-gcc"),
    "systemd": ("systemd-analyze",),
    "vm": ("qemu-system-x86_64", "busybox"),
    "nspawn": ("systemd-nspawn", "debootstrap"),
}


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to start without what is promised."""
    promised = [tier for tier in os.environ.get("RIPIENO_REQUIRE", "").split(",") if tier]
    unknown = [tier for tier in promised if tier not in PROGRAMS]
    missing = [name for tier in promised for name in PROGRAMS.get(tier, ()) if find(name) is None]
    if unknown or missing:
        raise pytest.UsageError(f"RIPIENO_REQUIRE: no tier {unknown}, not installed: {missing}; see tests/conftest.py")
