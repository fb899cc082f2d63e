"""A restart is mostly imports: what a line without a broker never needs is not loaded by its start."""

from __future__ import annotations

import subprocess
import sys

STARTS = "ripieno_daemon.cli.device.run, ripieno_daemon.app, ripieno_daemon.service.life, ripieno_daemon.wiring"
NOT_NEEDED = (
    *("ripieno_daemon.fleet", "ripieno_daemon.orders", "ripieno_daemon.trust", "ripieno_daemon.console"),
    *("ripieno_daemon.inquiry", "ripieno_daemon.backup", "ripieno.language", "cryptography", "h11", "paho"),
)


def loaded(modules: str) -> list[str]:
    """Return which of them an interpreter has loaded that imported these modules."""
    code = f"import sys, {modules}\nprint(*(one for one in {NOT_NEEDED!r} if one in sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    return told.stdout.split()


def test_a_start_loads_nothing_that_a_line_without_a_broker_never_needs() -> None:
    assert loaded(STARTS) == []


def test_what_a_broker_needs_is_noticed() -> None:
    """Negative control."""
    assert "ripieno_daemon.orders" in loaded(f"{STARTS}, ripieno_daemon.remote.afar")
