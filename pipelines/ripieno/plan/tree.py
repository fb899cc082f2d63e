"""The shape of a plan.

Times in ns, lengths in mm, rates in Hz; all names resolved and all types checked by the compile step.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Union

from .expressions import Aggregate, Expression
from .flow import FlowStep

LONGEST_OVERRIDE_NS = 8 * 3600 * 1_000_000_000  # a shift


@dataclass(frozen=True, slots=True)
class FieldLimits:
    """When a number of a sensor is no evidence. All in the field's unit.

    Attributes:
        low, high: outside, the value is not plausible.
        rail_low, rail_high: at or beyond, the sensor is saturated.
        stuck_ns: the very same number for so long is a stuck sensor; 0 where it may well stay the same.
    """

    field: str
    low: float
    high: float
    rail_low: float
    rail_high: float
    stuck_ns: int


@dataclass(frozen=True, slots=True)
class InputPlan:
    """One input.

    Attributes:
        kind: frame, edge, position, reading, message or record.
        fields: name -> unit of a reading's fields; name -> type (text, number, bool) of a message's or a record's.
        limits: of a reading's fields, where the file gives some.
    """

    name: str
    kind: str
    max_age_ns: int
    fields: tuple[tuple[str, str], ...] = ()
    limits: tuple[FieldLimits, ...] = ()


@dataclass(frozen=True, slots=True)
class OutputPlan:
    """One output.

    Attributes:
        kind: pulse, setpoint, booking, message or report. The last three are effects that dedupe by the act's id.
        safe: what the de-energised or lapsed output does: a word for a pulse, the value for a setpoint.
        before_mm, after_mm: a pulse for an item begins this far before the item reaches the output's place and ends
            that far behind it.
        late_mm: a pulse may begin this much later than planned.
        hold_ns: the device ends a pulse after that long at the latest.
        low, high, step: range of a setpoint, and the largest change that one act may make.
        lease_ns: after that long without renewal the device takes the safe value.
    """

    name: str
    kind: str
    unit: str
    safe: Any
    before_mm: float = 0.0
    after_mm: float = 0.0
    late_mm: float = 0.0
    hold_ns: int = 0
    low: float = 0.0
    high: float = 0.0
    step: float = 0.0
    lease_ns: int = 0


@dataclass(frozen=True, slots=True)
class ItemPlan:
    """What decisions are about. It moves (a part on a belt) or it stands (a study, a question).

    One that moves starts at a rising edge of `starts` and moves with `follows`; one that stands starts with a message
    of `starts`, and `follows` is "".

    Attributes:
        places: name -> mm behind the start.
        decide_before: the place by which it must be decided.
        within_ns: of one that stands: the time by which it must be decided.
        key: the message's field that tells one item from another, "" for the key that the driver gives.
    """

    name: str
    starts: str
    follows: str
    places: tuple[tuple[str, float], ...]
    decide_before: str
    within_ns: int = 0
    key: str = ""

    @property
    def stands(self) -> bool:
        """Whether its way is time, not a belt."""
        return not self.follows


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """A model of the bundle: the file's digest as sealed, never its path's; `spec` is what workers need (plain
    values).
    """

    name: str
    file: str
    sha256: str
    task: str
    labels: tuple[str, ...]
    spec: dict[str, Any]


@dataclass(frozen=True, slots=True)
class StepPlan:
    """Run `model` on frames of `input`, or on the values of `of`.

    Attributes:
        input: "" for a model of values.
        each: item kind the frames belong to, "" for free-running frames.
        place: where the camera sees the item; a frame exposed within `match_mm` of an item's arrival there belongs to
            it.
        frames: every (each is decided or becomes unknown) or newest.
        deadline_ns: an answer later than this after the frame's arrival is unknown (late).
        report: "every" answer is a result of its own, or only one that "changes" what is seen; "" for none.
        of: one text, or the numbers of a vector, for a model of values.
        when: run only where this holds, None for always. An item's step that does not run is answered as unknown.
        needs: steps that must have answered before, in the order of the file.
        crop: the detecting step whose best box this model is shown, "" for the whole picture; `margin`: wider by so
            much of the box on each side.
        tiles: columns and rows of pictures that the frame is cut into; their answers are merged.
    """

    name: str
    model: str
    input: str
    each: str
    place: str
    match_mm: float
    frames: str
    priority: str
    deadline_ns: int
    report: str = ""
    of: tuple[Expression, ...] = ()
    when: Expression | None = None
    needs: tuple[str, ...] = ()
    crop: str = ""
    margin: float = 0.0
    tiles: tuple[int, int] = (1, 1)


@dataclass(frozen=True, slots=True)
class PulseEffect:
    """`output.verb(item)`: a pulse at the place on the item's way that is named like the output."""

    output: str
    verb: str


@dataclass(frozen=True, slots=True)
class SetpointEffect:
    """`output.change(by)` or `output.set(to)`, held inside range and step."""

    output: str
    verb: str
    value: Expression


@dataclass(frozen=True, slots=True)
class BookingEffect:
    """`output.verb(item, name=value, ...)`."""

    output: str
    verb: str
    fields: tuple[tuple[str, Expression], ...]


Effect = Union[PulseEffect, SetpointEffect, BookingEffect]


@dataclass(frozen=True, slots=True)
class VerifyPlan:
    """After so many items (or so long) `that` must be true, or the change is undone ("undo") or only told ("alarm")."""

    after_items: int
    after_ns: int
    that: Expression
    otherwise: str


@dataclass(frozen=True, slots=True)
class RulePlan:
    """One rule.

    Attributes:
        each: item kind that it runs once for, "" for a rule over time.
        after: "output.diverted" / "output.passed" for a rule that waits for the end of a moving item, "item.VERDICT"
            for one that waits for the verdict on a standing item, "" otherwise.
        when: the condition; Const(True) where the file gives none.
        for_ns: how long it must have been true without a break.
        after_gap: start_over, keep or fire_if_elapsed: what a `for` does when the daemon was down.
        otherwise: "divert" (false, unknown, too late: the item gets no act) or "hold".
        verdict: what the true branch says of the item: "good" lets a moving one through, a standing one gets the
            word that the file gives; "" where the rule does not decide.
        source: where the rule stands (file:line).
        every_ns: of a schedule: it fires this often while its condition holds; 0 for a rule that is none.
    """

    name: str
    each: str
    after: str
    when: Expression
    text: str
    for_ns: int
    after_gap: str
    cooldown_ns: int
    do: tuple[Effect, ...]
    otherwise: str
    verdict: str
    verify: VerifyPlan | None
    source: str
    every_ns: int = 0


@dataclass(frozen=True, slots=True)
class Recipe:
    """The rules as one product wants them: the pipeline's own, with other numbers, in its order."""

    name: str
    rules: tuple[RulePlan, ...]


@dataclass(frozen=True, slots=True)
class PipelinePlan:
    """One bundle's pipeline.

    `bundle`: path for opening files; not part of the digest. `steps` are those that a model answers, `flow` all others,
    each after those it needs. `recipes`: of the device, in a joined plan alone; `chosen_by`: INPUT.FIELD, the
    message that names the product, "" for none.
    """

    name: str
    version: str
    bundle: str
    manifest_sha256: str
    inputs: tuple[InputPlan, ...]
    outputs: tuple[OutputPlan, ...]
    items: tuple[ItemPlan, ...]
    models: tuple[ModelPlan, ...]
    steps: tuple[StepPlan, ...]
    aggregates: tuple[Aggregate, ...]
    rules: tuple[RulePlan, ...]
    flow: tuple[FlowStep, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    chosen_by: str = ""


@dataclass(frozen=True, slots=True)
class PointPlan:
    """An input or output of the pipeline, bound to a device.

    `settings`: keyword arguments of the driver's point class.
    """

    name: str
    kind: str
    settings: dict[str, Any]


@dataclass(frozen=True, slots=True)
class DevicePlan:
    """One device. `settings` and `places` together are the keyword arguments of the driver's settings class.

    `places` are those that say where a thing is (`contracts.driver.Place`): no part of the digest. `interlock`: the
    external one
    declared, or "".
    """

    name: str
    driver: str
    settings: dict[str, Any]
    places: dict[str, Any]
    points: tuple[PointPlan, ...]
    interlock: str = ""


@dataclass(frozen=True, slots=True)
class TlsPlan:
    """Paths of PEM files: the fleet's authority, this device's certificate and its key."""

    ca: str
    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class OrdersPlan:
    """Paths: the public key that policies are signed with, and the signed policy."""

    root: str
    policy: str


@dataclass(frozen=True, slots=True)
class BrokerPlan:
    """Where results go. `transport`: mqtt, socket (message-level, for the demo) or none. `address`: host or path.

    Only `transport` and `fleet` are part of the digest. `receipt`: what frees a result, "consumer" or "puback".
    `tls` None: in the clear, on one machine. `orders` None: no command from afar is obeyed.
    """

    transport: str
    address: str
    port: int
    fleet: str
    receipt: str = "consumer"
    tls: TlsPlan | None = None
    orders: OrdersPlan | None = None


@dataclass(frozen=True, slots=True)
class StoragePlan:
    """Where state is kept (not part of the digest), and how long a group commit waits."""

    state: str
    group_ns: int
    quota_bytes: int


@dataclass(frozen=True, slots=True)
class ChannelPlan:
    """A way on which alarms reach people.

    Attributes:
        point: of the device that serves it.
        kind: "indicator" (a lamp or horn) or "message".
        severity: alarms below it are not told here: low, medium or high.
        repeat_ns: an alarm that nobody has acknowledged is told again after so long; 0 for never.
        shows: of an indicator: on while an alarm is "unacknowledged" or "active" (acknowledged or not), or while all
            is "well".
    """

    name: str
    point: str
    kind: str
    severity: str
    repeat_ns: int = 0
    shows: str = "unacknowledged"


@dataclass(frozen=True, slots=True)
class AlarmsPlan:
    """How alarms reach people. No part of the digest: it decides nothing.

    Attributes:
        severities: code, or code/subject -> severity, where another than the usual one is wanted.
        latch: an alarm that has returned to normal stays on the list until somebody has acknowledged it.
        fleet: from which severity on alarms are results for the fleet, "none" for none.
        devices: those that serve channels alone. They are open as long as the process lives, in safe mode too.
    """

    severities: tuple[tuple[str, str], ...] = ()
    latch: bool = False
    fleet: str = "low"
    channels: tuple[ChannelPlan, ...] = ()
    devices: tuple[DevicePlan, ...] = ()


@dataclass(frozen=True, slots=True)
class TrialPlan:
    """When the trial of a release ends well: so many results, and so long. No part of the digest."""

    results: int = 300
    soak_ns: int = 60_000_000_000


@dataclass(frozen=True, slots=True)
class ProductPlan:
    """One product: the settings (plan/settings.py) that are other for it, key -> value."""

    name: str
    values: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class RecipesPlan:
    """The products of a device.

    `input`: the message input that tells which product comes, by its text `field`; "" where a person chooses alone.
    """

    products: tuple[ProductPlan, ...] = ()
    input: str = ""
    field: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """All that a device runs. `format` rises when the tree changes shape."""

    format: int
    device: str
    site: str
    runtime: str
    pipelines: tuple[PipelinePlan, ...]
    devices: tuple[DevicePlan, ...]
    broker: BrokerPlan
    storage: StoragePlan
    on_bad_config: str = "last_good"  # what a start does with files that have problems; "refuse" is the other
    alarms: AlarmsPlan = AlarmsPlan()
    observe: tuple[str, ...] = ()  # pipelines that decide and move nothing, until a person says otherwise
    longest_override_ns: int = LONGEST_OVERRIDE_NS  # manual and bypass of an output last so long at most
    trial: TrialPlan = TrialPlan()
    recipes: RecipesPlan = RecipesPlan()
