"""Which product is on the line: told by a message, a person, or from afar; in force for the items that begin then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ripieno.errors import CommandRefused

from ..ledger import Ledger

if TYPE_CHECKING:
    from .conductor import Conductor

FEW = 12


class Products:
    """The recipes of the plan that runs."""

    def __init__(self, conductor: Conductor, ledger: Ledger) -> None:
        self._conductor, self._ledger = conductor, ledger

    def report(self) -> dict[str, Any] | None:
        """Return what `ripieno status` tells, None where the plan has no recipes.

        `recipe`: in force, "" where none was chosen; `wrong`: why items that begin now cannot be decided.
        """
        engine = self._conductor.engine
        names, recipe = engine.recipes.names, engine.scene.recipe
        return {"recipe": recipe, "wrong": engine.recipes.wrong(recipe), "products": names} if names else None

    async def choose(self, recipe: str, by: str) -> str:
        """Put a recipe in force, recorded with who says so; return a sentence once a restart would know it.

        Raises:
            CommandRefused: there is no such recipe.
            StorageError: it is in force, but a restart may not know it.
        """
        names = self._conductor.engine.recipes.names
        if not names:
            raise CommandRefused("the device file has no recipes")
        if recipe not in names:
            more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
            raise CommandRefused(f"there is no recipe {recipe!r}; there is {', '.join(names[:FEW])}{more}")
        before = self._conductor.engine.scene.recipe
        self._conductor.choose_recipe(recipe, by)
        await self._ledger.flush()
        was = f"; those before by {before!r}" if before and before != recipe else ""
        return f"items that begin from now on are decided by recipe {recipe!r}{was}"
