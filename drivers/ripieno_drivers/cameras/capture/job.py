"""What a capture process is told to do, once, when it is made."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One source and what is bad about a picture of it.

    Attributes:
        kind: video, v4l2 or stream. place: a path or a URL.
        pace: own (as the file tells), step (the next picture when the last one has been answered), live (as it comes).
        every: all pictures, as long as there is room; else the driver takes the newest.
        room: slots of shared memory. first: where the stamps of this process begin.
    """

    kind: str
    place: str
    pace: str
    every: bool
    room: int
    loop: bool = False
    rate_hz: float = 0.0
    width_px: int = 0
    height_px: int = 0
    checks_size: bool = True
    open_s: float = 15.0
    dark: int = 20
    bright: int = 250
    frozen_s: float = 0.0
    transport: str = "tcp"
    format: str = ""
    exposure: float | None = None
    gain: float | None = None
    first: int = 1

    def to_text(self) -> str:
        """Return the job as text."""
        return json.dumps(dataclasses.asdict(self))


def job_of(text: str) -> Job:
    """Return what `Job.to_text` gave."""
    return Job(**json.loads(text))
