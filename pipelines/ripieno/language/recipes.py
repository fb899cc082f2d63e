"""`recipes:` of a device file -> the products, each held against what the rules of its pipelines compare with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ripieno.plan import PipelinePlan, ProductPlan, RecipesPlan
from ripieno.plan.settings import Setting, of_pipeline

from .nearest import did_you_mean
from .problems import Report
from .sections.recipes import Recipes
from .source import Node

MOST_SHOWN = 6


def chooser(root: Node) -> tuple[str, str, Node] | None:
    """Return input, field and place of `chosen_by`, None where the file names none."""
    recipes = root.mapping.get("recipes")
    at = recipes.mapping.get("chosen_by") if recipes is not None else None
    if at is None or not isinstance(at.value, str) or not at.text:
        return None
    input, _, field = at.text.partition(".")
    return input, field, at


def read_recipes(
    root: Node, given: Recipes | None, pipelines: Sequence[PipelinePlan | None], report: Report
) -> RecipesPlan:
    """Return the products, and report what is wrong with their settings. `given`: as read, None with problems."""
    known = {key: one for pipeline in pipelines if pipeline is not None for key, one in of_pipeline(pipeline)}
    recipes = root.mapping.get("recipes")
    products = recipes.mapping.get("products") if recipes is not None else None
    if recipes is not None and recipes.mapping and (products is None or not products.mapping):
        line, column = root.keys["recipes"]
        report.add(line, column, "recipes", "has no products", "products: {NAME: {SETTING: VALUE}}")
    if products is not None and None not in pipelines:
        for name, values in products.mapping.items():
            _check(values, f"recipes.products.{name}", known, report)
    if given is None:
        return RecipesPlan()
    at = chooser(root)
    return RecipesPlan(
        tuple(ProductPlan(name, tuple(sorted(values.items()))) for name, values in given.products.items()),
        *(at[:2] if at is not None else ("", "")),
    )


def _check(values: Node, path: str, known: Mapping[str, Setting], report: Report) -> None:
    for key, node in values.mapping.items():
        line, column = values.keys[key]
        if key not in known:
            shown = ", ".join(list(known)[:MOST_SHOWN]) or "none: no condition compares with a number"
            hint = did_you_mean(key, known) or f"there is {shown}"
            report.add(line, column, f"{path}.{key}", f"there is no setting '{key}'", hint)
        elif isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
            one = known[key]
            if not one.low <= node.value <= one.high:
                what = f"should be {one.low:g} to {one.high:g} (got {node.text})"
                report.add(node.line, node.column, f"{path}.{key}", what)
