"""The request that changes the product on the line, from the local socket."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from ripieno.errors import CommandRefused

if TYPE_CHECKING:
    from .standing import Standing

Asked = dict[str, Any]


def changes(standing: Standing) -> dict[str, Callable[[Asked, str], Awaitable[Asked]]]:
    """Return what answers each request."""

    async def recipe(asked: Asked, by: str) -> Asked:
        products = standing.app.products if standing.app is not None else None
        if products is None:
            return {"ok": False, "why": f"no device is open ({standing.phase})"}
        try:
            said = await products.choose(str(asked.get("recipe") or ""), by)
        except CommandRefused as error:
            return {"ok": False, "why": str(error), "recipe": products.report()}
        return {"ok": True, "text": said, "recipe": products.report()}

    return {"recipe": recipe}
