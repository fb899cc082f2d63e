"""Another product comes: what began before it is decided by the recipe under which it began."""

from __future__ import annotations

from dataclasses import replace

import pytest
from engine.desk import Bench, service
from engine.plans import SCORE, line
from engine.test_handover import stricter, switch
from engine.world import World, only

from ripieno.engine import (
    Alarm,
    Decided,
    Engine,
    Event,
    Fired,
    MessageSeen,
    RecipeChosen,
    Started,
    pack_event,
    unpack_event,
)
from ripieno.plan import AggregateRef, Arithmetic, Compare, Const, InputPlan, PipelinePlan, Recipe


def products(plan: PipelinePlan | None = None, least: float = 0.95) -> PipelinePlan:
    """Return the line with two products: one as the file has it, one that must be looked at more strictly."""
    plan = plan or line()
    shares = Arithmetic("-", AggregateRef(0), AggregateRef(1))
    thin = (
        replace(plan.rules[0], when=Compare(">=", SCORE, Const(least))),
        replace(plan.rules[1], when=Compare(">", shares, Const(0.9))),
    )
    recipes = (Recipe("standard", plan.rules), Recipe("thin", (*thin, *plan.rules[2:])))
    scanner = InputPlan("scanner", "message", 0, (("product", "text"), ("batch", "text")))
    return replace(plan, inputs=(*plan.inputs, scanner), recipes=recipes, chosen_by="scanner.product")


def choose(world: World, recipe: str) -> None:
    world.tell(RecipeChosen(world.t, recipe, "Grace"))


def scanned(world: World, product: str | None) -> None:
    world.tell(MessageSeen(world.t, "scanner", f"scan-{world.t}", 3, world.t, (product, "b-7"), world.t))


def decided(world: World) -> list[tuple[int, str, str, str]]:
    return [(one.item.number, one.verdict, one.recipe, one.why) for one in only(world.effects, Decided)]


def test_a_part_on_its_way_is_decided_by_the_recipe_under_which_it_began() -> None:
    world = World(products())
    world.start()
    world.edge(1)
    choose(world, "thin")
    world.edge(2)
    for number in (1, 2):
        world.frame(number * 50.0 + 120.0)
        world.result(number, "normal", 0.9)

    assert decided(world) == [(1, "good", "", ""), (2, "defective", "thin", "")]


def test_a_scanner_chooses_and_its_words_are_text_of_the_declared_field() -> None:
    world = World(products())
    world.start()
    scanned(world, "thin")
    world.part(1, "normal", 0.9)
    scanned(world, "standard")
    world.part(2, "normal", 0.9)

    assert decided(world) == [(1, "defective", "thin", ""), (2, "good", "standard", "")]


@pytest.mark.parametrize(("said", "named"), [("thick", "thick"), (None, "?")])
def test_parts_of_a_product_without_a_recipe_are_undecided(said: str | None, named: str) -> None:
    """Undecided never passes: the numbers of another product are not these parts' numbers."""
    world = World(products())
    world.start()
    scanned(world, said)
    world.part(1, "normal", 0.99)
    world.move(3_000.0, 1)
    scanned(world, "standard")
    world.part(2, "normal", 0.99)

    assert decided(world) == [
        (1, "undecided", named, f"there is no recipe {named!r}"),
        (2, "good", "standard", ""),
    ]
    assert [one.code for one in only(world.effects, Alarm)] == ["recipe-unknown"]


def test_rules_over_time_have_the_numbers_of_the_recipe_and_what_they_time_goes_on() -> None:
    trimmed, strict = World(products()), World(products())
    for world, recipe in ((trimmed, "standard"), (strict, "thin")):
        world.start()
        choose(world, recipe)
        for number in range(1, 6):
            world.part(number, "over" if number > 1 else "normal")

    assert [one.what for one in only(trimmed.effects, Fired)][:1] == ["changed"]
    assert only(strict.effects, Fired) == []
    choose(strict, "standard")
    assert [one.what for one in only(strict.effects, Fired)] == ["changed"], "its window was full, its number another"


def test_a_restart_knows_the_recipe() -> None:
    world = World(products())
    world.start()
    choose(world, "thin")
    world.edge(1)
    again = Engine(world.plan)
    again.restore(world.engine.state())
    assert again.state() == world.engine.state()
    world.engine = again
    world.tell(Started(world.t, 0, ()))
    world.frame(170.0)
    world.result(1, "normal", 0.9)
    world.part(2, "normal", 0.9)

    assert [one[:3] for one in decided(world)] == [(1, "defective", "thin"), (2, "defective", "thin")]
    assert again.steering.watch("trim").rule == world.plan.recipes[1].rules[1]


def test_a_snapshot_of_before_there_were_recipes_is_read() -> None:
    world = World(products())
    world.start()
    world.edge(1)
    scene = world.engine.scene
    kept = scene.state()
    again = Engine(world.plan)
    again.scene.restore(kept[:7])

    assert (again.scene.recipe, again.scene.news, again.scene.t) == ("", [], scene.t)


def test_another_plan_knows_which_product_is_on_the_line() -> None:
    world = World(products())
    world.start()
    choose(world, "thin")
    world.edge(1)
    switch(world, replace(products(least=0.5), version="2"))
    world.start()
    world.frame(170.0)
    world.result(1, "over", 0.9)
    assert [one[:3] for one in decided(world)] == [(1, "good", "thin")]

    switch(world, stricter())
    world.start()
    world.part(2, "normal", 0.99)
    assert [one[:3] for one in decided(world)][1:] == [(2, "good", "")], "it has no products"


def test_a_question_keeps_its_recipe_too() -> None:
    plan = service()
    answer = replace(plan.rules[0], verdict="routed")
    bench = Bench(replace(plan, recipes=(Recipe("strict", (answer, *plan.rules[1:])),)))
    bench.tell(RecipeChosen(bench.t, "lax", "Grace"))
    effects = bench.ask(1)

    assert [(one.verdict, one.recipe, one.why) for one in only(effects, Decided)] == [
        ("undecided", "lax", "there is no recipe 'lax'")
    ]


def test_the_choice_is_an_event_as_any_other() -> None:
    event: Event = RecipeChosen(7, "thin", "Grace")

    assert unpack_event(pack_event(event)) == event
