"""Tiers of tests that need more than Python: skipped with the reason where a tool is missing, failed where promised.

CI names in RIPIENO_REQUIRE (a comma list such as `mosquitto,strace`) the tiers that it installs: there a skip is a
failure.
"""

from __future__ import annotations

import os
import shutil

import pytest

ADMIN_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin"


def find(program: str) -> str | None:
    """Return where a program is, also where Debian keeps those of administrators."""
    return shutil.which(program, path=ADMIN_PATH)


def need(tier: str, *programs: str) -> None:
    """Skip the calling test unless all programs are there; fail it where the tier is required."""
    missing = [program for program in programs or (tier,) if find(program) is None]
    if missing:
        miss(tier, f"{', '.join(missing)} not found; on Debian: apt install {tier}")


def miss(tier: str, reason: str) -> None:
    """Skip the calling test for this reason; fail it where the tier is required."""
    if tier in os.environ.get("RIPIENO_REQUIRE", "").split(","):
        pytest.fail(f"the tier {tier} is required here: {reason}")
    pytest.skip(f"{tier}: {reason}")
