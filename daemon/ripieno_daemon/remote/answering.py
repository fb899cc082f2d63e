"""The orders `asks` and `answer`: the questions of the running line that wait for a person, and a person's answer.

    asks   {}                                    -> {asks: [{id, role, question, answers, show, left_s}, ...]}
    answer {id: ITEM/STEP, answer, as, note?}    -> {id, answer, by}

A question is for a role; whose key may answer only for some roles says the policy (`answer.ROLE`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ripieno.engine import Ask
from ripieno.engine.items import item_of

from ..conducting.asked import LONGEST_NAME, LONGEST_NOTE, as_map, id_of
from ..orders.executors import NotDone

if TYPE_CHECKING:
    from ..conducting.conductor import Conductor

BY: Final = "the fleet"


class Asking:
    """Does `asks`. `line`: the one that runs."""

    def __init__(self, line: Callable[[], Conductor]) -> None:
        self._line = line

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        line = self._line()
        return {"asks": [as_map(ask, line.now()) for ask in line.engine.asks()]}


class Answering:
    """Does `answer`."""

    def __init__(self, line: Callable[[], Conductor]) -> None:
        self._line = line

    def role(self, args: Mapping[str, Any]) -> str:
        """See orders.executors.ForRoles."""
        ask = _found(self._line(), args.get("id"))
        return "" if ask is None else ask.role

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: no such question is open any more, or it has no such answer."""
        line = self._line()
        ask = _found(line, args["id"])
        if ask is None:
            there = ", ".join(map(id_of, line.engine.asks())) or "none"
            raise NotDone("question", f"no question {args['id'][:80]!r} is open (any more); open: {there}")
        if args["answer"] not in ask.answers:
            raise NotDone("answer", f"{args['answer'][:60]!r} is no answer to it; there are {', '.join(ask.answers)}")
        name = args["as"][:LONGEST_NAME]
        line.answer(ask.item, ask.step, args["answer"], f"{name} ({BY})", args.get("note", "")[:LONGEST_NOTE])
        return {"id": args["id"], "answer": args["answer"], "by": name}


def _found(line: Conductor, id: Any) -> Ask | None:
    about, _, step = str(id).rpartition("/")
    item = item_of(about)
    return next((one for one in line.engine.asks() if (one.item, one.step) == (item, step)), None)
