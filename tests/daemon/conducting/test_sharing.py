"""Two steps that look at one picture with one model: the model is asked once."""

from __future__ import annotations

from dataclasses import replace

from ripieno.engine import Infer
from ripieno.plan import StepPlan
from ripieno.values import Classification, Health, Inferred, PictureRef
from ripieno_daemon.conducting.calls import Call
from ripieno_daemon.conducting.sharing import REMEMBERED, Sharing

GOOD = Inferred(Health.GOOD, Classification("over", 0.9, (0.9, 0.1)), "", "cafe", 1, 2)
BAD = Inferred(Health.FAILED, None, "the worker died", "", 0, 0)


def step(name: str, model: str = "bead", input: str = "top") -> StepPlan:
    return StepPlan(name, model, input, "", "", 0.0, "newest", "normal", 1)


def call(name: str, sequence: int = 1, taken_t: int = 5) -> Call:
    return Call(Infer(name, "top", sequence, None, taken_t), PictureRef("x"), 5)


class World:
    """Remembers what is asked and what is answered."""

    def __init__(self, *steps: StepPlan) -> None:
        self.asked: list[Call] = []
        self.answers: list[tuple[str, Inferred]] = []
        models = {"bead": "aa", "other": "bb", "copy": "aa"}
        self.sharing = Sharing(
            steps, models, self.asked.append, lambda one, answer: self.answers.append((one.infer.step, answer))
        )


def test_who_comes_while_the_model_looks_and_who_comes_after_get_the_same_answer() -> None:
    world = World(step("a/look"), step("b/look", "copy"), step("c/look"))
    world.sharing.put(call("a/look"))
    world.sharing.put(call("b/look"))
    world.sharing.answered(world.asked[0], GOOD)
    world.sharing.put(call("c/look"))

    assert [one.infer.step for one in world.asked] == ["a/look"]
    assert world.answers == [("a/look", GOOD), ("b/look", GOOD), ("c/look", GOOD)]


def test_another_picture_model_or_part_is_looked_at_for_itself() -> None:
    world = World(step("a"), step("b"), step("c", "other"), step("d", "other"))
    closer = call("b")
    for one in (
        call("a"),
        call("b", sequence=2),
        call("b", taken_t=6),
        call("c"),
        replace(closer, infer=replace(closer.infer, box=(0, 0, 1, 0.5))),
    ):
        world.sharing.put(one)

    assert len(world.asked) == 5


def test_a_failure_is_shared_by_those_who_wait_and_not_remembered() -> None:
    world = World(step("a"), step("b"))
    world.sharing.put(call("a"))
    world.sharing.put(call("b"))
    world.sharing.answered(world.asked[0], BAD)
    world.sharing.put(call("b"))

    assert world.answers == [("a", BAD), ("b", BAD)]
    assert len(world.asked) == 2


def test_a_step_that_shares_with_nobody_is_asked_every_time() -> None:
    """A camera that begins to count anew gives another picture under the same number."""
    world = World(step("a"), step("b", input="side"))
    world.sharing.put(call("a"))
    world.sharing.answered(world.asked[0], GOOD)
    world.sharing.put(call("a"))

    assert len(world.asked) == 2


def test_only_the_last_answers_are_remembered() -> None:
    world = World(step("a"), step("b"))
    for sequence in range(REMEMBERED + 1):
        world.sharing.put(call("a", sequence))
        world.sharing.answered(world.asked[-1], GOOD)
    world.sharing.put(call("b", 0))

    assert len(world.asked) == REMEMBERED + 2
