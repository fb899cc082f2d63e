"""What comes in from devices, stamped by the driver that saw it.

`at_ns`: when it happened, as well as the driver can tell; `arrived_ns`: when the driver had it.
Both on the host's monotonic clock; the daemon shifts them to the engine's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .evidence import Health


@dataclass(frozen=True, slots=True)
class Edge:
    """A digital input changed.

    `number` counts rising edges of this input under `epoch` (a falling one has its rise's).
    """

    input: str
    rising: bool
    epoch: int
    number: int
    position_mm: float | None
    at_ns: int
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where the belt is. `edges`: rising edges of the starting input so far, so that missed ones can be counted."""

    input: str
    position_mm: float
    epoch: int
    edges: int
    at_ns: int
    arrived_ns: int


@dataclass(frozen=True, slots=True)
class Reading:
    """Values of one sensor at one instant, in the units that the pipeline declares."""

    input: str
    fields: Mapping[str, float]
    at_ns: int
    arrived_ns: int
    health: Health = Health.GOOD


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture that a worker can open under `ref`; the picture itself never enters the control process.

    `position_mm`: belt position at exposure, where the camera tells it (chunk data, file name); it ties the picture
    to an item. `health`: what the camera knows to be wrong with it; a picture that is not GOOD is shown to no model,
    and `why` is what a person reads. `still_ns`: for how long this same picture has been coming, 0 for a new one; it
    is a fault (FROZEN) only if the line moved meanwhile. `key`: what the sender calls it, where pictures are sent one
    by one and each starts an item.
    """

    input: str
    ref: str
    sequence: int
    position_mm: float | None
    at_ns: int
    arrived_ns: int
    health: Health = Health.GOOD
    why: str = ""
    still_ns: int = 0
    key: str = ""


@dataclass(frozen=True, slots=True)
class Message:
    """Text or a JSON object from a topic, an HTTP body or the command line.

    `key`: the sender's name for it: a message that comes twice under one key counts once.
    """

    input: str
    key: str
    body: Mapping[str, object] = field(default_factory=dict)
    at_ns: int = 0
    arrived_ns: int = 0


@dataclass(frozen=True, slots=True)
class DeviceUp:
    """A device can be used (again). `epoch` is its journal epoch, 0 where it has none."""

    device: str
    epoch: int
    at_ns: int


@dataclass(frozen=True, slots=True)
class DeviceImpaired:
    """A device works, and not as it should: a person is told. `code` is the alarm's, `subject` what of the device, ""
    for all of it; `why` "": it does again.
    """

    device: str
    code: str
    subject: str
    why: str


@dataclass(frozen=True, slots=True)
class DeviceDown:
    """A device cannot be used now; its outputs are safe or fall safe by themselves."""

    device: str
    why: str
    at_ns: int
