"""Every mutant there is, and how a process of its own hunts one."""

from __future__ import annotations

from . import campaign, line, link
from .mutant import Finding, hunt

MUTANTS = (*line.MUTANTS, *link.MUTANTS, *campaign.MUTANTS)


def hunt_named(name: str) -> Finding:
    """Hunt the mutant of this name."""
    return hunt(next(mutant for mutant in MUTANTS if mutant.name == name))
