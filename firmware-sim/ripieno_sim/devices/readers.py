"""Who reads what a device says: a program behind a topic, and one that looks into a folder. Each counts acts once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .site_databases import Points, StockDatabase


class TopicReader(StockDatabase):
    """Reads a topic, and remembers the acts that it has seen, by name and by correlation data."""

    settings: Mapping[str, Any] = {"host": "broker.site"}
    points: Points = (("reply", "message", {"send": "site/replies"}),)

    def effects(self, act: str, outside: Any) -> int:
        """An act that came more than once under one name has one effect; under two names, two."""
        names = {
            message.correlation
            for message in outside.published
            if message.topic == "site/replies" and json.loads(message.payload)["act"] == act
        }
        return len(names)


class FolderReader(StockDatabase):
    """Looks into a folder: each whole JSON file of an act is one effect."""

    settings: Mapping[str, Any] = {"path": "/srv/office"}
    points: Points = (("letter", "report", {"put": "letters"}), ("bare", "report", {"put": ".", "readable": False}))
    tables: Mapping[str, Sequence[str]] = {}

    def effects(self, act: str, outside: Any) -> int:
        """How many files tell of an act."""
        return sum(
            json.loads(content)["act"] == act for path, content in outside.files.items() if path.endswith(".json")
        )
