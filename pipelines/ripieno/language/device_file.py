"""The settings of a device file: who this device is, what it runs, and which machine serves which input and output.

Keys of a device beyond `driver` and `interlock`, and of a point beyond `device`, are declared by the driver's
own dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen

from .marks import Pattern
from .quantities import Quantity
from .sections.words import HOUR_NS, Word

Topic = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "letters, digits and _ . -"), MaxLen(63)]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who this device is in its fleet."""

    id: Topic
    site: Topic = "local"


Path = Annotated[str, MinLen(1), MaxLen(400)]


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files for a broker that wants certificates, as `ripieno fleet enrol` makes them."""

    ca: Path
    certificate: Path
    key: Path


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Whose commands are obeyed: the public key that policies are signed with, and the signed policy."""

    root: Path
    policy: Path


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where results go. Paths count from the device file."""

    transport: Literal["mqtt", "socket", "none"]
    address: Annotated[str, MinLen(1), MaxLen(255)] = "localhost"
    port: Annotated[int, Gt(0), Le(65_535)] = 1883
    fleet: Topic = "local"
    receipt: Literal["consumer", "puback"] = "consumer"
    tls: Tls | None = None
    orders: Orders | None = None


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where state is kept. A relative path counts from the device file."""

    state: Annotated[str, MinLen(1), MaxLen(400)] = "/var/lib/ripieno"
    group_commit: Annotated[int, Quantity("duration"), Ge(0), Le(HOUR_NS // 60)] = 250_000_000
    quota: Annotated[int, Quantity("size"), Ge(16_000_000)] = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class DeviceFile:
    """The whole file."""

    ripieno: Literal[1]
    device: Identity
    pipelines: Annotated[tuple[Annotated[str, MinLen(1), MaxLen(400)], ...], MinLen(1), MaxLen(50)]
    devices: Annotated[Mapping[str, Any], MinLen(1)]
    inputs: Mapping[str, Any]
    outputs: Mapping[str, Any] = field(default_factory=dict)
    runtime: Literal["auto", "litert", "tflite"] = "auto"
    on_bad_config: Literal["last_good", "refuse"] = "last_good"
    broker: Broker = Broker(transport="none")
    storage: Storage = Storage()


@dataclass(frozen=True, kw_only=True)
class Machine:
    """The keys that every device has, whatever its driver."""

    driver: Word
    interlock: Annotated[str, MaxLen(200)] = ""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """The key that every bound input or output has."""

    device: Word
