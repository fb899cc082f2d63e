"""A metric family, written: HELP, TYPE and samples.

Prometheus' text exposition format 0.0.4: names [a-zA-Z_:][a-zA-Z0-9_:]*, counters end in _total, units are base units
(seconds, bytes) and stand in the name; in HELP a backslash and a newline are escaped, in label values a quote too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Labels = Mapping[str, str]


@dataclass(slots=True)
class Family:
    """One metric: `kind` is counter or gauge."""

    name: str
    kind: str
    help: str
    samples: list[tuple[dict[str, str], float]] = field(default_factory=list)

    def add(self, value: float, labels: Labels | None = None) -> Family:
        """Add a sample; return the family."""
        self.samples.append((dict(labels or {}), float(value)))
        return self

    def lines(self) -> list[str]:
        """Return the family's lines; none where it has no sample."""
        if not self.samples:
            return []
        told = self.help.replace("\\", "\\\\").replace("\n", "\\n")
        head = [f"# HELP {self.name} {told}", f"# TYPE {self.name} {self.kind}"]
        return head + [f"{self.name}{_labels(labels)} {_number(value)}" for labels, value in self.samples]


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(value)
