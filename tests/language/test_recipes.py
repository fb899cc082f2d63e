"""`recipes:` of a device file: every product compiles, and every mistake is told with its place."""

# ruff: noqa: E501  pinned texts stand on one line

from __future__ import annotations

import pytest
from language.bench import DEVICE, DEVICE_FILE, DRIVERS, sealed, shipped

from ripieno.errors import ConfigError
from ripieno.language import compile_device
from ripieno.plan import Compare, Const, Plan, decode, digest, encode, joined
from ripieno_drivers.messages.mqtt import DRIVER as MQTT

RECIPES = """\
recipes:
  chosen_by: scanner.product
  products:
    standard: {}
    thin-wall: {quality-control.pass.look.score: 0.8, quality-control.trim_down.threshold: 0.3}
"""
SCANNER = "  scanner: {driver: mqtt-messages, host: broker.site}\n"
BOUND = "  scanner: {device: scanner, listen: line/product}\n"


def compiled(recipes: str, device: str = DEVICE, pipeline: str = "") -> Plan | str:
    """Return the plan, or its problems without the file's name."""
    store = {**sealed(pipeline or shipped()), DEVICE_FILE: (device + recipes).encode()}

    def read(path: str) -> bytes:
        if path not in store:
            raise FileNotFoundError(2, "No such file or directory")
        return store[path]

    try:
        return compile_device(DEVICE_FILE, read, {**DRIVERS, "mqtt-messages": MQTT})
    except ConfigError as error:
        return "\n".join(str(one).removeprefix(f"{DEVICE_FILE}:") for one in error.problems)


def by_hand(recipes: str = RECIPES) -> str:
    """Return the section without who chooses."""
    return recipes.replace("  chosen_by: scanner.product\n", "")


def test_each_product_has_the_rules_with_its_numbers() -> None:
    plan = compiled(by_hand())
    assert isinstance(plan, Plan)
    one = joined(plan)

    assert [recipe.name for recipe in one.recipes] == ["standard", "thin-wall"]
    assert one.recipes[0].rules == one.rules
    passes = {recipe.name: next(rule for rule in recipe.rules if rule.name == "pass") for recipe in one.recipes}
    assert "look.score >= 0.8" in passes["thin-wall"].text and "look.score >= 0.50" in passes["standard"].text
    assert Compare(">=", passes["thin-wall"].when.terms[1].left, Const(0.8)) in passes["thin-wall"].when.terms  # type: ignore[union-attr]
    assert decode(encode(plan)) == plan


def test_recipes_decide_so_they_are_part_of_the_digest() -> None:
    plan, other = compiled(by_hand()), compiled(by_hand().replace("0.8", "0.9"))
    assert isinstance(plan, Plan) and isinstance(other, Plan)

    assert digest(plan) != digest(other)


def test_a_scanner_that_no_pipeline_reads_may_choose() -> None:
    device = DEVICE.replace("inputs:\n", SCANNER + "inputs:\n" + BOUND)
    plan = compiled(RECIPES, device)
    assert isinstance(plan, Plan), plan

    whole = joined(plan)
    assert whole.chosen_by == "scanner.product"
    assert [(one.kind, one.fields) for one in whole.inputs if one.name == "scanner"] == [
        ("message", (("product", "text"),))
    ]


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            by_hand().replace("pass.look.score", "pass.look.scor"),
            "recipes.products.thin-wall.quality-control.pass.look.scor: there is no setting 'quality-control.pass.look.scor' (did you mean 'quality-control.pass.look.score'?)",
        ),
        (by_hand().replace("0.8", "1.8"), "recipes.products.thin-wall.quality-control.pass.look.score: should be 0 to 1 (got 1.8)"),
        (by_hand().replace("0.8", "much"), "recipes.products.thin-wall.quality-control.pass.look.score: should be a number"),
        ("recipes: {chosen_by: top.name}\n", "recipes: has no products"),
        (RECIPES.replace("scanner.product", "top.product"), "recipes.chosen_by: 'top' is a frame input, no message"),
        (RECIPES.replace("scanner.product", "scanner"), "recipes.chosen_by: should be INPUT.FIELD"),
        (RECIPES, "missing key 'scanner': recipes.chosen_by needs this message input"),
        (by_hand().replace("products:", "product:"), "recipes.product: unknown key"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told(wrong: str, told: str) -> None:
    said = compiled(wrong)

    assert isinstance(said, str) and told in said, said
