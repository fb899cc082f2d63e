"""What the kit found."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class CheckReport:
    """One check. `problems`: why it failed, each in one sentence; `skipped`: why it does not apply."""

    name: str
    claim: str
    problems: list[str] = field(default_factory=list)
    skipped: str = ""
    figures: Counter[str] = field(default_factory=Counter)

    @property
    def passed(self) -> bool:
        return not self.problems


@dataclass(slots=True)
class Report:
    """All checks of one driver against one simulated device."""

    driver: str
    device: str
    contract: str
    falls_safe: bool
    checks: list[CheckReport] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return all(check.passed for check in self.checks)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "driver": self.driver,
            "device": self.device,
            "pulse_contract": self.contract,
            "falls_safe": self.falls_safe,
            "passed": self.passed,
            "checks": [
                {
                    "name": one.name,
                    "claim": one.claim,
                    "passed": one.passed,
                    "skipped": one.skipped,
                    "problems": one.problems,
                    "figures": dict(one.figures),
                }
                for one in self.checks
            ],
        }
