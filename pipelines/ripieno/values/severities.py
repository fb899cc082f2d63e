"""How urgent an alarm is, where a device file says nothing else: the time in which somebody should do something.

ISA-18.2 and IEC 62682 call it the priority, and want few: high within minutes, medium within the shift, low soon.
"""

from __future__ import annotations

from typing import Final

SEVERITIES: Final = ("low", "medium", "high")
USUAL_SEVERITY: Final[dict[str, str]] = {
    "act-in-doubt": "high",  # nobody knows whether the machine did it
    "asleep": "medium",
    "blocked": "medium",
    "booking-given-up": "high",
    "bypass": "medium",  # an output is out of use until somebody gives it back, or its time is over
    "change-without-effect": "medium",
    "config": "medium",
    "device": "high",
    "edge-counter-jumped": "medium",
    "expired": "low",  # what a person took in hand is its rules' again
    "held": "high",  # nothing is produced until somebody rearms
    "last-good": "low",
    "ledger-damaged": "high",  # what was counted is lost, and bookings are to be compared
    "link-slow": "medium",
    "manual": "medium",
    "message-without-key": "low",
    "model": "high",  # everything is diverted, or held
    "picture": "medium",
    "reading": "medium",
    "recipe-unknown": "high",
    "safe-mode": "high",
    "setpoint-at-limit": "medium",
    "slow": "medium",
    "starts": "low",
    "steering-blind": "medium",
    "stopped": "medium",
    "storage": "high",
    "stuck": "high",
    "test": "high",
    "too-many-items": "medium",
    "unmoved": "high",
}


def rank(severity: str) -> int:
    """Return its place, 0 for the lowest."""
    return SEVERITIES.index(severity)
