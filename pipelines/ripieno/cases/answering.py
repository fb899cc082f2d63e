"""What a case says that a step answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class Missing(Exception):
    """The case does not say what was asked of it, or says what cannot be."""

    def __init__(self, step: str, what: str) -> None:
        self.step = step
        super().__init__(f"{step}: {what}")


def answer_of(step: str, given: Mapping[str, Any], usual: Mapping[str, Any]) -> Any:
    """Return the answer: of this item or frame, else the usual one. Fields that it leaves out are the usual ones.

    Raises:
        Missing: neither says it.
    """
    own, common = given.get(step), usual.get(step)
    if isinstance(own, Mapping) and isinstance(common, Mapping):
        return {**common, **own}
    if own is None and common is None:
        raise Missing(step, "was asked, and neither the case nor 'usual' says what it answers")
    return common if own is None else own
