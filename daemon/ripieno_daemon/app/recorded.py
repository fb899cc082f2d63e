"""What the record says of the plan, and the words that it is packed with."""

from __future__ import annotations

from collections.abc import Mapping

import msgpack

from ripieno.plan import PipelinePlan, Plan, digest, encode, joined, without_paths


def words(pipeline: PipelinePlan, plan_digest: str) -> bytes:
    """Return what the record repeats, the most frequent last, for its dictionary."""
    names = [*(rule.name for rule in pipeline.rules), *(output.name for output in pipeline.outputs)]
    names += [label for model in pipeline.models for label in model.labels]
    sample = {"id": "part-00000000-", "item": "", "verdict": "good", "rule": "", "why": "", "operands": []}
    sample |= {"picture_digest": "", "model": "", "plan": plan_digest[:16]}
    return b"".join((msgpack.packb(names), msgpack.packb(sample)))


def plan_record(plan: Plan, loaded: Mapping[str, object], is_whole: bool, how: str) -> bytes:
    """Return what is recorded of a plan.

    Args:
        loaded: the models by step.
        is_whole: with its tree, so that the ledger can be replayed by itself.
        how: TAKEN_OVER or CARRIED (conducting/recovery.py); "": it begins anew.
    """
    pipeline = joined(plan)
    record: dict[str, object] = {
        "plan": digest(plan),
        "pipeline": pipeline.name,
        "version": pipeline.version,
        "models": {model.name: model.sha256 for model in pipeline.models},
        "fingerprints": {step: getattr(model, "fingerprint", "") for step, model in sorted(loaded.items())},
    }
    if how:
        record[how] = True
    if is_whole:
        record["tree"] = encode(without_paths(plan))
    packed = msgpack.packb(record, use_bin_type=True)
    assert isinstance(packed, bytes)
    return packed
