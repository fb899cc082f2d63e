"""The settings of a device file: who this device is, what it runs, and which machine serves which input and output.

Keys of a device beyond `driver` and `interlock`, and of a point beyond `device`, are declared by the driver's
own dataclasses.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, MaxLen, MinLen, doc

from ripieno.plan.tree import LONGEST_OVERRIDE_NS

from .marks import Pattern
from .quantities import Quantity
from .sections.alarms import Alarms
from .sections.recipes import Recipes
from .sections.words import HOUR_NS, WEEK_NS, Word

Topic = Annotated[str, Pattern(r"[A-Za-z0-9][A-Za-z0-9_.-]*", "letters, digits and _ . -"), MaxLen(63)]


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who this device is in its fleet."""

    id: Annotated[Topic, doc("its name; of each fleet once")]
    site: Annotated[Topic, doc("where it stands")] = "local"


Mode = Literal["act", "observe"]
Path = Annotated[str, MinLen(1), MaxLen(400)]


@dataclass(frozen=True, kw_only=True)
class Tls:
    """PEM files for a broker that wants certificates, as `ripieno fleet enrol` makes them."""

    ca: Annotated[Path, doc("who vouches for the broker")]
    certificate: Annotated[Path, doc("this device's")]
    key: Annotated[Path, doc("and its key")]


@dataclass(frozen=True, kw_only=True)
class Orders:
    """Whose commands are obeyed: the public key that policies are signed with, and the signed policy."""

    root: Annotated[Path, doc("the public key that policies are signed with")]
    policy: Annotated[Path, doc("the signed policy: who may say what")]


@dataclass(frozen=True, kw_only=True)
class Broker:
    """Where results go. Paths count from the device file."""

    transport: Annotated[Literal["mqtt", "socket", "none"], doc("none: results wait in the outbox")]
    address: Annotated[Annotated[str, MinLen(1), MaxLen(255)], doc("host; of a socket its path")] = "localhost"
    port: Annotated[Annotated[int, Gt(0), Le(65_535)], doc("8883 with tls")] = 1883
    fleet: Annotated[Topic, doc("the fleet's name, the first word of its topics")] = "local"
    receipt: Annotated[
        Literal["consumer", "puback"], doc("what frees a result here: that a consumer has it, or that the broker has")
    ] = "consumer"
    tls: Annotated[Tls | None, doc("for a broker that wants certificates")] = None
    orders: Annotated[Orders | None, doc("whose commands are obeyed; without it nobody's")] = None


@dataclass(frozen=True, kw_only=True)
class Storage:
    """Where state is kept. A relative path counts from the device file."""

    state: Annotated[Annotated[str, MinLen(1), MaxLen(400)], doc("a folder")] = "/var/lib/ripieno"
    group_commit: Annotated[
        Annotated[int, Quantity("duration"), Ge(0), Le(HOUR_NS // 60)], doc("how long records wait for one another")
    ] = 250_000_000
    quota: Annotated[Annotated[int, Quantity("size"), Ge(16_000_000)], doc("how much it may hold")] = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Machine:
    """A device. Its other keys are the driver's own."""

    driver: Annotated[Word, doc("what speaks to it")]
    interlock: Annotated[
        Annotated[str, MaxLen(200)], doc("what outside keeps its outputs from harm, where the device cannot")
    ] = ""


@dataclass(frozen=True, kw_only=True)
class Binding:
    """An input or output on a device. Its other keys are the driver's own."""

    device: Annotated[Word, doc("a name under devices")]


@dataclass(frozen=True, kw_only=True)
class TrialTerms:
    """When a release that is on trial is kept: after so many results, and so long."""

    results: Annotated[Annotated[int, Ge(1), Le(1_000_000)], doc("results of its models on this line")] = 300
    soak: Annotated[Annotated[int, Quantity("duration"), Ge(0), Le(WEEK_NS)], doc("and at least so long")] = (
        60_000_000_000
    )


@dataclass(frozen=True, kw_only=True)
class DeviceFile:
    """A device: what runs on it, and which machine serves what."""

    ripieno: Annotated[Literal[1], doc("the format's version")]
    device: Annotated[Identity, doc("who it is")]
    pipelines: Annotated[
        tuple[Annotated[str, MinLen(1), MaxLen(400)], ...],
        MinLen(1),
        MaxLen(50),
        doc("the folders of the bundles that run; paths count from this file"),
    ]
    devices: Annotated[Mapping[str, Any], MinLen(1), doc("the machines, by name")]
    inputs: Annotated[Mapping[str, Any], doc("each input of the pipelines: where it comes from")]
    outputs: Annotated[Mapping[str, Any], doc("each output of the pipelines: where it goes")] = field(
        default_factory=dict
    )
    runtime: Annotated[
        Literal["auto", "litert", "tflite"], doc("what runs models; auto: what is installed, LiteRT first")
    ] = "auto"
    on_bad_config: Annotated[
        Literal["last_good", "refuse"],
        doc("where this file has problems at a start: the plan that worked last runs, loudly; or none"),
    ] = "last_good"
    mode: Annotated[
        Mode | Mapping[str, Mode],
        doc("observe: it decides and records, and moves nothing; of all pipelines, or `{PIPELINE: observe}` of some"),
    ] = "act"
    longest_override: Annotated[
        Annotated[int, Quantity("duration"), Gt(0), Le(WEEK_NS)],
        doc("`ripieno manual` and `ripieno bypass` of an output last so long at most"),
    ] = LONGEST_OVERRIDE_NS
    broker: Annotated[Broker, doc("where results go")] = Broker(transport="none")
    storage: Annotated[Storage, doc("where state is kept")] = Storage()
    alarms: Annotated[Alarms, doc("how alarms reach people")] = field(default_factory=Alarms)
    trial: Annotated[TrialTerms, doc("when a release of a bundle that is updated is kept")] = TrialTerms()
    recipes: Annotated[Recipes, doc("the products of this line, and what is other for each")] = field(
        default_factory=Recipes
    )
