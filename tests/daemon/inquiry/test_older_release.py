"""A record outlives the release that made it: a plan is held against its digest as written, not as it is read now."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgpack
import pytest
from daemon.inquiry.played import Played, played
from engine.desk import service

from ripieno.cases.play import Play
from ripieno.plan import PlanDamaged, digest, encode
from ripieno.plan.codec import digest_of
from ripieno_daemon.inquiry import CannotAnswer
from ripieno_daemon.inquiry.replay import replay
from ripieno_daemon.inquiry.why import why

ANSWERS = {"intent": {"label": "refund", "score": 0.9}, "customer": {"name": "Ada", "balance": 12}, "helper": "nobody"}


def happen(play: Play) -> None:
    play.wait(1_000_000_000)
    play.item("question", {"asked": {"text": "where is my refund?", "customer": 7}})
    play.wait(2_000_000_000)


def older(drop: tuple[str, str] = ("InputPlan", "limits"), own_digest: bool = True) -> Played:
    """Return a record of a release whose plans had one field less, one that has a default today."""

    def without(value: Any) -> Any:
        if isinstance(value, list):
            return [without(one) for one in value]
        if isinstance(value, dict):
            kind = value.get("_", "")
            return {key: without(one) for key, one in value.items() if (kind, key) != drop}
        return value

    record: Played = played((service(),), ANSWERS, happen)
    tree = msgpack.packb(without(msgpack.unpackb(encode(record.plan), raw=False)), use_bin_type=True)
    now = digest_of(tree) if own_digest else digest(record.plan)
    for at, row in enumerate(record._rows):
        if row.kind == "event" or row.payload is None:
            continue
        body = msgpack.unpackb(row.payload, raw=False)
        if row.kind == "plan":
            body = {"plan": now, "tree": tree}
        elif "plan" in body:
            body["plan"] = now[:16]
        record._rows[at] = replace(row, payload=msgpack.packb(body, use_bin_type=True))
    return record


def test_the_digest_of_the_bytes_is_that_of_the_plan() -> None:
    plan = played((service(),), ANSWERS, happen).plan

    assert digest_of(encode(plan)) == digest(plan)
    assert digest_of(encode(replace(plan, pipelines=(replace(service(), bundle="/elsewhere"),)))) == digest(plan)
    assert digest_of(encode(replace(plan, site="another"))) != digest(plan)


def test_a_record_of_a_release_with_one_field_less_is_replayed_and_explained() -> None:
    record: Any = older()
    result = replay(record)

    assert (result["decisions"] > 0, result["mismatches"]) == (True, 0)
    assert why(record, "1")["verdict"] == "answered"


def test_a_plan_that_was_changed_in_the_record_is_found() -> None:
    """The negative control."""
    record: Any = older(own_digest=False)
    with pytest.raises(CannotAnswer, match="holds a plan that is not the one it names"):
        replay(record)


def test_a_plan_without_a_field_that_must_be_there_is_told_as_what_it_is() -> None:
    record: Any = older(drop=("InputPlan", "kind"))
    with pytest.raises(CannotAnswer, match="holds a plan that this release does not read"):
        replay(record)


@pytest.mark.parametrize("bytes_", [b"", b"\xc1", b"\x91" * 200 + b"\x01"])
def test_bytes_that_are_no_plan_have_no_digest(bytes_: bytes) -> None:
    with pytest.raises(PlanDamaged):
        digest_of(bytes_)
