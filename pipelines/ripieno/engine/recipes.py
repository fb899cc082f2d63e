"""Which product is on the line, and the rules as it wants them.

    none chosen        the numbers of the files
    one of the plan    its numbers, for every item that begins from now on, and for the rules over time
    any other          nothing is known of such items: they are undecided; rules over time stay as they were

An item keeps the recipe under which it began.
"""

from __future__ import annotations

from ripieno.plan import PipelinePlan, RulePlan

from . import events
from .condition import Condition
from .effects import Alarm
from .scene import Scene

UNREAD = "?"  # the product of a message that names none


class Recipes:
    """The recipes of a plan; which one is in force is the scene's."""

    def __init__(self, plan: PipelinePlan, scene: Scene) -> None:
        self._scene = scene
        self._own = {rule.name: rule for rule in plan.rules}
        self._of = {one.name: {rule.name: rule for rule in one.rules} for one in plan.recipes}
        self._input, _, self._field = plan.chosen_by.partition(".")
        own = {name: Condition(rule.when) for name, rule in self._own.items() if rule.each}
        self._conditions = {"": own}
        for recipe, rules in self._of.items():
            self._conditions[recipe] = {
                name: one if rules[name].when == self._own[name].when else Condition(rules[name].when)
                for name, one in own.items()
            }

    @property
    def names(self) -> list[str]:
        """The products of the plan."""
        return list(self._of)

    def wrong(self, recipe: str) -> str:
        """Return why items of this recipe cannot be decided, "" where they can."""
        return f"there is no recipe {recipe!r}" if recipe and self._of and recipe not in self._of else ""

    def rule(self, name: str, recipe: str) -> RulePlan:
        """Return a rule as a recipe wants it."""
        return self._of.get(recipe, self._own)[name]

    def rules(self, recipe: str) -> list[RulePlan]:
        """Return all rules as a recipe wants them."""
        return list(self._of.get(recipe, self._own).values())

    def condition(self, name: str, recipe: str) -> Condition:
        """Return the condition of an item's rule as a recipe wants it."""
        return self._conditions[recipe if recipe in self._of else ""][name]

    def choose(self, recipe: str) -> bool:
        """Put a recipe in force for what begins from now on; return whether rules over time have other numbers now."""
        scene, before = self._scene, self._scene.recipe
        if recipe == before:
            return False
        scene.recipe = recipe
        scene.counters["recipes_chosen"] += 1
        if why := self.wrong(recipe):
            scene.counters["recipes_unknown"] += 1
            scene.effects.append(Alarm("recipe-unknown", f"{why}; items that begin now are undecided"))
            return False
        return True

    def told(self, event: events.MessageSeen) -> str | None:
        """Return the product that a message names, None where it is no message about that."""
        if not self._input or event.input != self._input:
            return None
        at = [name for name, _ in self._scene.inputs[event.input].fields].index(self._field)
        return str(event.fields[at] or UNREAD)
