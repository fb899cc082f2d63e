"""What a trial is held against: the results of the release before it, which a restart in mid-trial must know too."""

from __future__ import annotations

from ripieno.errors import RipienoError

from ..packed import pack, unpack
from .disk import Disk, checked, replace, unchecked
from .trial import Health, Noted

MAX_BYTES = 64 * 1024
MOST_RESULTS = 20_000  # then what was counted weighs half: what runs is judged by what it did lately


class Before:
    """Counts the results of what is confirmed."""

    def __init__(self, disk: Disk, root: str) -> None:
        self._disk, self._path = disk, f"{root}/baseline"
        self.health = Health()

    def note(self, noted: Noted) -> None:
        """Count a result."""
        self.health.note(noted)
        if self.health.results > MOST_RESULTS:
            self.health = _halved(self.health)

    def keep(self) -> None:
        """Make it durable, before something is tried. Raises StorageError."""
        replace(self._disk, self._path, checked(pack(self.health.to_plain(), MAX_BYTES)))

    def kept(self) -> str:
        """Take what `keep` kept; return what is wrong, "" for nothing. Then there is nothing to compare with."""
        try:
            stored = unchecked(self._disk.read(self._path) or b"")
            self.health = Health() if stored is None else Health.from_plain(unpack(stored, MAX_BYTES))
        except (RipienoError, KeyError, TypeError, ValueError) as error:
            self.health = Health()
            return f"what the trial compares with cannot be read: {error}"
        return ""


def _halved(health: Health) -> Health:
    plain = health.to_plain()
    labels = {label: count // 2 for label, count in plain["labels"].items()}
    halved = Health.from_plain({**plain, "labels": labels, "unknown": plain["unknown"] // 2})
    halved.results = health.results // 2
    halved.latencies_us = health.latencies_us
    return halved
