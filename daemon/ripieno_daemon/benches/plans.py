"""Plans with many rules, and events that turn a few of them."""

from __future__ import annotations

from ripieno.engine import Event, ReadingSeen
from ripieno.plan import (
    Aggregate,
    AggregateRef,
    And,
    Arithmetic,
    BrokerPlan,
    Compare,
    Const,
    Expression,
    InputPlan,
    Not,
    Operand,
    Or,
    OutputPlan,
    PipelinePlan,
    Plan,
    RulePlan,
    SetpointEffect,
    StoragePlan,
)

S = 1_000_000_000
EVERY_NS = 20_000_000
LABEL = Operand("step", "look", "label", "text")
SCORE = Operand("step", "look", "score", "number")
TWO_OPERANDS = And((Compare("==", LABEL, Const("normal")), Compare(">=", SCORE, Const(0.5))))
WINDOWS = 10  # for each input


def shared_input(count: int) -> PipelinePlan:
    """Return rules of two operands over one input: each holds in a band of its own."""
    load, speed = _fields("spindle0")
    trees: list[Expression] = [
        And((Compare(">=", load, Const(float(rule))), Compare("<", speed, Const(1_000.0 - rule))))
        for rule in range(count)
    ]
    return _pipeline(1, trees, ())


def many_inputs(count: int, inputs: int = 20) -> PipelinePlan:
    """Return rules of several shapes over many inputs; every fourth looks at a window."""
    aggregates = tuple(
        Aggregate("mean", f"spindle{one}", _fields(f"spindle{one}")[0], 0, 20 + window, 5)
        for one in range(inputs)
        for window in range(WINDOWS)
    )
    trees = [_shape(rule, inputs, len(aggregates)) for rule in range(count)]
    return _pipeline(inputs, trees, aggregates)


def device(pipeline: PipelinePlan) -> Plan:
    """Return the plan of a device that runs one pipeline."""
    return Plan(
        1, "bench", "", "auto", (pipeline,), (), BrokerPlan("none", "", 0, ""), StoragePlan("", 250_000_000, 1 << 30)
    )


def readings(count: int, inputs: int = 1, first: int = 0) -> list[Event]:
    """Return readings from number `first` on, a walk up and down through the bands of the rules."""
    events: list[Event] = []
    for number in range(first, first + count):
        t, step = number * EVERY_NS, number // inputs % 600
        load = float(step if step < 300 else 600 - step)
        events.append(ReadingSeen(t, f"spindle{number % inputs}", (load, 200.0 + load), t, "good"))
    return events


def _fields(name: str) -> tuple[Operand, Operand]:
    return Operand("input", name, "load", "number"), Operand("input", name, "speed", "number")


def _shape(rule: int, inputs: int, aggregates: int) -> Expression:
    load, speed = _fields(f"spindle{rule % inputs}")
    limit = Const(float(rule))
    match rule % 4:
        case 0:
            return And((Compare(">=", load, limit), Compare("<", speed, Const(9_000.0 - rule))))
        case 1:
            return Or((Compare(">", Arithmetic("/", load, speed), limit), Compare(">", load, limit)))
        case 2:
            return Not(Compare("<=", speed, limit))
        case _:
            return And((Compare(">", AggregateRef(rule // 4 % aggregates), limit), Compare(">", load, Const(1.0))))


def _pipeline(inputs: int, trees: list[Expression], aggregates: tuple[Aggregate, ...]) -> PipelinePlan:
    fields = (("load", "%"), ("speed", "rpm"))
    return PipelinePlan(
        name="bench",
        version="1",
        bundle="",
        manifest_sha256="",
        inputs=tuple(InputPlan(f"spindle{one}", "reading", S, fields) for one in range(inputs)),
        outputs=(OutputPlan("flow", "setpoint", "%", 100.0, low=60.0, high=140.0, step=5.0, lease_ns=S),),
        items=(),
        models=(),
        steps=(),
        aggregates=aggregates,
        rules=tuple(_rule(number, tree) for number, tree in enumerate(trees)),
    )


def _rule(number: int, tree: Expression) -> RulePlan:
    return RulePlan(
        name=f"rule_{number}",
        each="",
        after="",
        when=tree,
        text="",
        for_ns=3_600 * S,
        after_gap="start_over",
        cooldown_ns=0,
        do=(SetpointEffect("flow", "change", Const(-1.0)),),
        otherwise="hold",
        verdict="",
        verify=None,
        source=f"pipeline.yaml:{number}",
    )
