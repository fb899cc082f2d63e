"""A record over changes of the plan: every decision of either side is explained by the plan that made it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgpack
import pytest
from daemon.conducting.test_recovery import device, plan_record
from daemon.inquiry.runs import decisions
from drivers.virtual import LoopClock, run
from engine.world import World

from ripieno.engine import Engine, Event, Started, pack_event
from ripieno.plan import Plan, digest, joined
from ripieno_daemon.conducting.told import told
from ripieno_daemon.inquiry import opened, replay
from ripieno_daemon.inquiry.telling import tell
from ripieno_daemon.inquiry.why import why
from ripieno_daemon.ledger import Ledger
from ripieno_daemon.ports import InlineStorage, SystemEntropy
from ripieno_sim.stage.campaign.run import run_seed

MINUTES = 3.0
ON_ITS_WAY, ON_TRIAL = 12, 14  # seeds: a part is on its way when the plan changes, a change of the flow is on trial
EVERY = 12


def changed(state: Path, seed: int) -> Path:
    evidence = run_seed(seed, MINUTES, state)
    assert len(evidence.releases) > 1
    return state


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return changed(tmp_path_factory.mktemp("switched"), ON_ITS_WAY)


def asked(state: Path, words: str) -> dict[str, Any]:
    with opened(state) as past:
        return why(past, words)


def test_the_record_replays_over_every_change_of_the_plan(switched: Path) -> None:
    with opened(switched) as past:
        result = replay(past)

    assert (result["mismatches"], result["left_out"]) == (0, [])
    assert len({*result["plans"]}) > 1


def test_decisions_of_all_plans_are_explained(switched: Path) -> None:
    bodies = list(decisions(switched).values())
    answers = [asked(switched, body["id"]) for body in bodies[::EVERY]]

    assert len({answer["plan"] for answer in answers}) > 1
    for answer, body in zip(answers, bodies[::EVERY], strict=True):
        assert answer["plan"] == body["plan"]
        assert tell(answer).endswith(f"plan {body['plan']}")


def test_a_part_that_was_on_its_way_tells_which_plan_took_over(switched: Path) -> None:
    verdicts = [body for body in decisions(switched).values() if "verdict" in body]
    first = [body for before, body in pairwise(verdicts) if before["plan"] != body["plan"]]
    (answer,) = [one for body in first if (one := asked(switched, body["id"]))["plans"]][:1]

    assert answer["edge"]["t_s"] < answer["plans"][-1]["t_s"] < answer["decision"]["t_s"]
    assert answer["plans"][-1]["plan"] == answer["plan"]
    assert f"took over (plan {answer['plan']})" in tell(answer)


def test_a_change_whose_trial_the_plan_ended_says_so(tmp_path: Path) -> None:
    switched = changed(tmp_path, ON_TRIAL)
    body = next(one for one in decisions(switched).values() if one.get("what") == "not-verified")
    answer = asked(switched, body["id"])
    change = next(
        one for one in decisions(switched).values() if one.get("what") == "changed" and one["rule"] == body["rule"]
    )

    assert "took over from another plan" in tell(answer)
    assert asked(switched, change["id"])["what"] == "changed"


def test_ids_of_rules_are_never_used_again(switched: Path) -> None:
    ids = [body["id"] for body in decisions(switched).values()]

    assert len({*ids}) == len(ids)


def test_a_setpoint_that_a_change_of_the_plan_moved_is_explained(tmp_path: Path) -> None:
    """The flow stood at 95 %; under the new plan it is 98 at least."""
    world = World()
    world.start()
    for number in range(1, 6):
        world.part(number, "over")
    before = list(world.log)
    narrow = tuple(replace(one, low=98.0) if one.name == "flow" else one for one in world.plan.outputs)
    old, new = device(world.plan), device(replace(world.plan, outputs=narrow, version="2"))
    state = recorded(tmp_path, (old, before), (new, [Started(world.t, 0, ())]))

    body = next(one for one in decisions(state).values() if one.get("rule") == "plan")
    answer = asked(state, body["id"])
    assert (answer["what"], answer["before"], answer["after"], answer["unit"]) == ("bounded", 95.0, 98.0, "%")
    assert "because line 2 took over from another plan" in tell(answer)
    with opened(state) as past:
        assert replay(past)["mismatches"] == 0


def recorded(folder: Path, *parts: tuple[Plan, list[Event]]) -> Path:
    """Write the ledger of a daemon that had these plans, one after the other."""

    async def write() -> None:
        clock: Any = LoopClock()
        database = InlineStorage(folder, clock, lambda _: 0.0).database("ledger.sqlite")
        ledger = await Ledger.open(database, clock, SystemEntropy())
        engine: Engine | None = None
        for plan, events in parts:
            before, engine = engine, Engine(joined(plan))
            if before is not None:
                engine.take_over(before)
            ledger.append("plan", 0, plan_record(plan, "" if before is None else "taken_over"))
            for event in events:
                effects = engine.step(event)
                ledger.append("event", event.t, pack_event(event))
                for index, effect in enumerate(effects):
                    if (one := told(effect, index, engine.scene.events, digest(plan))) is not None:
                        ledger.append(one[0], event.t, msgpack.packb(one[1], use_bin_type=True), stream=True)
        await ledger.close()

    run(write())
    return folder
