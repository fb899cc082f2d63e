"""What a plan wants of the workers: its steps and its runtime, in the workers' words."""

from __future__ import annotations

from ripieno.plan import PipelinePlan, Plan

from .parts import NICE, Step


def steps_of(pipeline: PipelinePlan) -> dict[str, Step]:
    """Return the steps as the workers know them."""
    return {step.name: Step(step.model, step.deadline_ns / 1e9, step.priority) for step in pipeline.steps}


def first_lane(plan: Plan) -> str | None:
    """Return the priority class that a pool starts first, None where no step has a model."""
    used = {step.priority for one in plan.pipelines for step in one.steps if step.model}
    return next((priority for priority in NICE if priority in used), None)


def runtime_of(plan: Plan) -> str | None:
    """Return the runtime that the device file fixes, None for the best that is installed."""
    return None if plan.runtime == "auto" else plan.runtime
