"""The order `recipe {recipe: NAME}` -> {recipe}: another product from the next item on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ripieno.errors import CommandRefused

from ..conducting.products import Products
from ..ledger import Ledger
from ..orders.executors import NotDone

if TYPE_CHECKING:
    from ..conducting.conductor import Conductor

BY: Final = "the fleet"


class Choosing:
    """Does `recipe`. `line`: the one that runs."""

    def __init__(self, line: Callable[[], Conductor], ledger: Ledger) -> None:
        self._line, self._ledger = line, ledger

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: there is no such recipe."""
        try:
            tell(await Products(self._line(), self._ledger).choose(args["recipe"], BY))
        except CommandRefused as error:
            raise NotDone("recipe", str(error)) from error
        return {"recipe": args["recipe"]}
