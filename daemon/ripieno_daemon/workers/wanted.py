"""What a plan wants of the workers: its steps and its runtime, in the workers' words."""

from __future__ import annotations

from ripieno.plan import PipelinePlan, Plan

from .parts import Step


def steps_of(pipeline: PipelinePlan) -> dict[str, Step]:
    """Return the steps as the workers know them."""
    return {step.name: Step(step.model, step.deadline_ns / 1e9, step.priority) for step in pipeline.steps}


def runtime_of(plan: Plan) -> str | None:
    """Return the runtime that the device file fixes, None for the best that is installed."""
    return None if plan.runtime == "auto" else plan.runtime
