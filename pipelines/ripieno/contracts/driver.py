"""The driver seam: what a driver is given and what it promises.

A driver is an entry point of group `ripieno.drivers` that loads to a `Driver`. The daemon's compile step checks its
settings, the daemon
opens one `Device` per device of the device file and runs it until it is cancelled.

Pulses carry the strongest promise that the device can honestly keep (`Driver.pulse_contract`): only `exactly-once`
devices may
serve a pulse output without a declared external interlock.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ripieno.values import (
    Act,
    Booking,
    DeviceDown,
    DeviceImpaired,
    DeviceUp,
    Edge,
    Frame,
    Message,
    Outcome,
    Position,
    Pulse,
    Reading,
    Record,
    Setpoint,
)

from .ports import Clock, Entropy, Folder, Lines, Processes, Storage
from .site import Brokers, Doors, Files, Network


class Place:
    """Marks a setting that says where a thing is (`port: Annotated[str, Place()]`): it is no part of the plan's
    digest.
    """


Arrival = Edge | Position | Reading | Frame | Message | DeviceUp | DeviceDown | DeviceImpaired


@dataclass(frozen=True, slots=True)
class Intent:
    """What is made durable before the first byte of an act: enough to ask the device about it after a crash.

    `command_id`, `epoch`: the device's own identities; `note`: canonical msgpack of what the engine wants back (rule,
    verdict).
    """

    act: Act
    device: str
    command_id: int
    epoch: int
    args_crc: int
    note: bytes = b""


class Intents(Protocol):
    """The durable list of acts without an outcome, and the highest command id ever used for each device."""

    def highest(self, device: str) -> int: ...
    def open(self, device: str) -> Sequence[Intent]: ...
    async def write(self, intent: Intent) -> None:
        """Return when the intent would survive a power cut. Raises StorageError."""

    def settle(self, intent: Intent) -> None:
        """The outcome is known and recorded: the slot may be used again."""


@dataclass(frozen=True, slots=True)
class Point:
    """One input or output of the pipeline that is bound to this device."""

    name: str
    kind: str
    settings: Any


@dataclass(frozen=True, slots=True)
class Context:
    """What a device may use.

    `report` hands an arrival to the daemon; `settled` hands it the outcome of an act of an earlier run. `processes`:
    None where there can be none (in virtual time). `recorded` returns when all that this device has reported would
    survive a power cut, so that a sender may be told; it raises StorageError when the disk refuses, and when the daemon
    stops and has taken no more.
    """

    device: str
    points: Sequence[Point]
    clock: Clock
    entropy: Entropy
    lines: Lines
    folder: Folder
    intents: Intents
    report: Callable[[Arrival], None]
    settled: Callable[[Outcome], None]
    say: Callable[[str], None]
    storage: Storage | None = None
    processes: Processes | None = None
    network: Network | None = None
    files: Files | None = None
    brokers: Brokers | None = None
    doors: Doors | None = None
    recorded: Callable[[], Awaitable[None]] | None = None


class Device(Protocol):
    """An opened device. A device raises CommandRefused from what it has no output for."""

    async def run(self) -> None:
        """Serve until cancelled: open, report, reconnect on its own ladder.

        Cancelled, it leaves the outputs safe within 1 s.
        """

    async def fire(self, pulse: Pulse, note: bytes = b"") -> Outcome:
        """Do a pulse at most once; returns when the outcome is known. Cancelling it never un-sends."""

    def withdraw(self, act: Act) -> None:
        """Try to take back a pulse that has not begun; its outcome says whether that came in time."""

    def set(self, setpoint: Setpoint) -> None:
        """Take a new absolute value; never waits.

        The device renews it every third of the lease until another is set.
        """

    def rearm(self) -> None:
        """A person (or `rearm: auto`) says that outputs may move again."""


@runtime_checkable
class PictureDevice(Device, Protocol):
    """A device whose pictures lie in a place that is used again, such as a slot of shared memory."""

    def seen(self, ref: str) -> None:
        """No step needs the picture under this ref any more. Called once for each Frame that was reported."""


@runtime_checkable
class BookingDevice(Device, Protocol):
    """A device that serves booking, message or report outputs: effects in a system that dedupes by the act."""

    async def book(self, booking: Booking) -> Outcome:
        """Have the effect; tries until that system has it, or has said no to this very booking (NOT_EXECUTED). Safe to
        ask again.

        Raises:
            LinkDown: `run` has ended; ask the device that is opened next.
        """


@runtime_checkable
class RecordDevice(Device, Protocol):
    """A device that serves record inputs."""

    async def look(self, input: str, key: str | float) -> Record:
        """Return the record under a key; no record is an answer too. What cannot be asked is a Record of FAILED health,
        not an exception. It may be cancelled at its deadline.
        """


@runtime_checkable
class HasDirection(Protocol):
    """A point of a driver whose inputs and outputs are of one kind (messages): `direction` is "input" or "output"."""

    @property
    def direction(self) -> str: ...


@runtime_checkable
class NamesFields(Protocol):
    """A point (`Driver.point`) that knows what its readings, records or messages will have in them: `check` holds the
    pipeline against it.

    `fields`: the names; empty where it does not know. A point may also have `units`, a mapping from fields to
    the units that it reports them in: each must be the pipeline's.
    """

    @property
    def fields(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Driver:
    """What an entry point of `ripieno.drivers` loads to.

    `settings`, `point`: frozen dataclasses with `Annotated` bounds, for the device and for each input or output bound
    to it.
    `inputs`, `outputs`: kinds it can serve; an `indicator` is a lamp or horn, a setpoint of 0 or 1 that is no hazard:
    it is neither held nor waits for a person, so that it can tell of that. `pulse_contract`: exactly-once,
    at-most-once or none. `falls_safe`: the device itself puts outputs to their safe values when the daemon is silent;
    where that depends on how it is set up, a function of the device's settings and the output's point.
    """

    name: str
    summary: str
    settings: type
    point: type
    inputs: frozenset[str]
    outputs: frozenset[str]
    pulse_contract: str
    falls_safe: bool | Callable[[Any, Any], bool]
    open: Callable[[Any, Context], Device]

    def is_safe_alone(self, settings: Any, point: Any) -> bool:
        """Say whether this output of a device with these settings falls safe when the daemon is silent."""
        return self.falls_safe(settings, point) if callable(self.falls_safe) else self.falls_safe


def check_kinds(driver: Driver, wanted: Mapping[str, str]) -> list[str]:
    """Return the names among `wanted` (name -> kind) that this driver cannot serve."""
    able = driver.inputs | driver.outputs
    return [name for name, kind in wanted.items() if kind not in able]
