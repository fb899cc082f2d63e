"""A small line, built by hand: what the compile step would write for an extruder with a gate."""

from __future__ import annotations

from ripieno.plan import (
    Aggregate,
    AggregateRef,
    And,
    Arithmetic,
    Compare,
    Const,
    InputPlan,
    ItemPlan,
    ModelPlan,
    Operand,
    OutputPlan,
    PipelinePlan,
    PulseEffect,
    RulePlan,
    SetpointEffect,
    StepPlan,
    VerifyPlan,
)

MS = 1_000_000
LABEL = Operand("step", "look", "label", "text")
SCORE = Operand("step", "look", "score", "number")


def rule(name: str, **given: object) -> RulePlan:
    """Return a rule with the defaults of the language."""
    fields: dict[str, object] = {
        "name": name,
        "each": "",
        "after": "",
        "when": Const(True),
        "text": "",
        "for_ns": 0,
        "after_gap": "start_over",
        "cooldown_ns": 0,
        "do": (),
        "otherwise": "hold",
        "verdict": "",
        "verify": None,
        "source": "",
    }
    return RulePlan(**{**fields, **given})  # type: ignore[arg-type]


def line(*extra: RulePlan, trim: dict[str, object] | None = None) -> PipelinePlan:
    """Return the pipeline: `pass` lets good parts through, `trim` lowers the flow when over-extruded parts are too
    many.
    """
    good = And((Compare("==", LABEL, Const("normal")), Compare(">=", SCORE, Const(0.5))))
    shares = Arithmetic("-", AggregateRef(0), AggregateRef(1))
    trim_fields: dict[str, object] = {
        "when": Compare(">", shares, Const(0.2)),
        "cooldown_ns": 1_000 * MS,
        "do": (SetpointEffect("flow", "change", Const(-5.0)),),
        "verify": VerifyPlan(4, 0, Compare("<", AggregateRef(0), Const(0.5)), "undo"),
        **(trim or {}),
    }
    return PipelinePlan(
        name="line",
        version="1",
        bundle="",
        manifest_sha256="",
        inputs=(
            InputPlan("top", "frame", 200 * MS),
            InputPlan("photo_eye", "edge", 0),
            InputPlan("belt", "position", 500 * MS),
        ),
        outputs=(
            OutputPlan("gate", "pulse", "", "divert", 20.0, 25.0, 8.0, 400 * MS),
            OutputPlan("flow", "setpoint", "%", 100.0, low=80.0, high=120.0, step=5.0, lease_ns=1_000 * MS),
        ),
        items=(ItemPlan("part", "photo_eye.rising", "belt", (("camera", 120.0), ("gate", 640.0)), "gate"),),
        models=(ModelPlan("bead", "bead.tflite", "ab" * 32, "classify", ("normal", "over", "under"), {}),),
        steps=(StepPlan("look", "bead", "top", "part", "camera", 10.0, "every", "high", 100 * MS),),
        aggregates=(
            Aggregate("share", "look", Compare("==", LABEL, Const("over")), 0, 10, 4),
            Aggregate("share", "look", Compare("==", LABEL, Const("under")), 0, 10, 4),
        ),
        rules=(
            rule(
                "pass",
                each="part",
                when=good,
                do=(PulseEffect("gate", "open"),),
                otherwise="divert",
                verdict="good",
            ),
            rule("trim", **trim_fields),
            *extra,
        ),
    )
