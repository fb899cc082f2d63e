"""One entry: when, how bad, which kind of event, the sentence, and what it is about.

As journal fields (systemd.journal-fields(7)): MESSAGE, PRIORITY, MESSAGE_ID for each kind of event, and RIPIENO_EVENT,
RIPIENO_PIPELINE, RIPIENO_DECISION, RIPIENO_ITEM, RIPIENO_DEVICE where the sentence is about one. As a line of the
daemon's own file: the same as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

ABOUT: Final = ("pipeline", "decision", "item", "device")
LEVELS: Final[Mapping[str, int]] = {"error": 3, "warning": 4, "notice": 5, "info": 6}
NAMES: Final = {0: "error", 1: "error", 2: "error", **{number: name for name, number in LEVELS.items()}, 7: "info"}
IDENTIFIER: Final = "ripieno"

# Made once with `systemd-id128 new`; a person or a program finds all entries of a kind by it, over all releases.
MESSAGE_IDS: Final[Mapping[str, str]] = {
    "said": "6d1d1cf0d0f94e0fa4f3ad6f3b1a7c01",
    "ready": "0b6a2b43a5e64a4f9d1a3be0e3a5c102",
    "problem": "a8f7de4e1c8b4d3e8c55f1b7a2f6d203",
    "reload": "3c7be05b9a3e4c6db1c6b2f7e9d4a304",
    "changed": "f14d0e9a67b84b0c9e7a5d2c8b3f0405",
    "alarm": "92c3a7d15e0f4f6b8a1d7c4e2b9f5506",
    "alarm-over": "5e8b1d0c7f3a4b2d9c6e4f8a1b7d6607",
    "stop": "c0a94f7e2d1b4e8f8b3c5a6d9e2f7708",
    "blocked": "7f2e6d5c4b3a4c1d8e9f0a1b2c3d8809",
    "stopped": "1a5d9c8b7e6f4a3b9c2d1e0f4a5b990a",
}
LEVEL_OF: Final[Mapping[str, str]] = {
    "problem": "error",
    "stop": "error",
    "blocked": "error",
    "alarm": "warning",
    "alarm-over": "notice",
    "ready": "notice",
    "reload": "notice",
    "changed": "notice",
    "stopped": "notice",
}


class Entry(NamedTuple):
    """`at_us`: UTC. `about`: what of ABOUT the sentence names."""

    at_us: int
    level: str
    event: str
    text: str
    about: Mapping[str, str]

    def fields(self) -> dict[str, str]:
        """Return it as fields of the journal."""
        found = {
            "MESSAGE": self.text,
            "PRIORITY": str(LEVELS[self.level]),
            "SYSLOG_IDENTIFIER": IDENTIFIER,
            "RIPIENO_EVENT": self.event,
        }
        if self.event in MESSAGE_IDS:
            found["MESSAGE_ID"] = MESSAGE_IDS[self.event]
        return found | {f"RIPIENO_{name.upper()}": value for name, value in self.about.items()}

    def as_map(self) -> dict[str, Any]:
        """Return it as JSON writes it."""
        return {"at_us": self.at_us, "level": self.level, "event": self.event, "text": self.text, **self.about}

    def line(self) -> bytes:
        """Return it as a line of the daemon's own file."""
        return json.dumps(self.as_map(), ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"


def of_map(found: Mapping[str, Any]) -> Entry:
    """Return the entry that a map of `as_map` holds. Raises ValueError."""
    try:
        about = {name: str(found[name]) for name in ABOUT if name in found}
        return Entry(int(found["at_us"]), NAMES[LEVELS[found["level"]]], str(found["event"]), str(found["text"]), about)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no entry: {error}") from error


def of_journal(found: Mapping[str, Any]) -> Entry:
    """Return the entry that a line of `journalctl --output=json` holds; also what others said for the unit, such as
    systemd itself, a crashing interpreter or a worker. Raises ValueError.
    """
    try:
        text = found["MESSAGE"]
        if isinstance(text, list):  # journalctl writes bytes that are no text as numbers
            text = bytes(text).decode(errors="replace")
        level = NAMES[min(7, max(0, int(found.get("PRIORITY", 6))))]
        about = {name: str(found[key]) for name in ABOUT if (key := f"RIPIENO_{name.upper()}") in found}
        event = str(found.get("RIPIENO_EVENT") or found.get("SYSLOG_IDENTIFIER") or "said")
        return Entry(int(found["__REALTIME_TIMESTAMP"]), level, event, str(text), about)
    except (KeyError, TypeError) as error:
        raise ValueError(f"no entry: {error}") from error
