"""Starts of the process, counted over its deaths: beyond the intensity it comes up in safe mode.

What is kept is a list of monotonic times (ns since boot) in a file of the runtime directory: memory, which a full disk
does not touch and a reboot clears. A stop in order clears it too.
"""

from __future__ import annotations

import json

from .keeping import USUAL, Intensity


class Starts:
    """The recent starts. `kept` is what `text` returned before; anything else begins anew."""

    def __init__(self, kept: str, now_ns: int, intensity: Intensity = USUAL) -> None:
        self._intensity = intensity
        oldest = now_ns - int(intensity.within_s * 1e9)
        self._times = [at for at in _read(kept) if oldest <= at <= now_ns]
        self._times.append(now_ns)

    @property
    def count(self) -> int:
        """How many starts the span has seen, this one included."""
        return len(self._times)

    @property
    def is_too_often(self) -> bool:
        """Whether one more life would be one too many."""
        return len(self._times) > self._intensity.count

    def text(self) -> str:
        """Return what the next start is given."""
        return json.dumps(self._times)


def _read(kept: str) -> list[int]:
    try:
        found = json.loads(kept)
    except ValueError:
        return []
    return [at for at in found if isinstance(at, int)] if isinstance(found, list) else []
