"""What a pipeline's rules say of one answer of a model: the level at which two models are compared."""

from __future__ import annotations

from ripieno.plan import Operand, PipelinePlan
from ripieno.rules import evaluate, operands_of
from ripieno.values import UNKNOWN, Inferred


def decisions(plan: PipelinePlan, model: str, answer: Inferred) -> dict[str, str]:
    """Return what each rule that reads this model alone says of its answer: yes, no or unknown.

    Where no rule does, the label stands for the decision.
    """
    steps = {step.name for step in plan.steps if step.model == model}
    found: dict[str, str] = {}
    for rule in plan.rules:
        reads = operands_of(rule.when)
        if reads and all(isinstance(one, Operand) and one.source == "step" and one.name in steps for one in reads):
            value = evaluate(rule.when, reads, [_value(answer, read) for read in reads])
            found[rule.name] = (
                {True: "yes", False: "no"}.get(value, "unknown") if isinstance(value, bool) else "unknown"
            )
    if not found:
        found["label"] = "unknown" if answer.result is None else answer.result.label
    return found


def _value(answer: Inferred, read: object) -> object:
    assert isinstance(read, Operand)
    if answer.result is None:
        return UNKNOWN
    return answer.result.fields().get(read.field, UNKNOWN)
