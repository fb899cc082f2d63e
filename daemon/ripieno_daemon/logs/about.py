"""What a sentence is about: the identities that it names. Everything that is said names them the same way.

part-0000002a-17                an item, and the decision about it
part-0000002a-17/gate/0         an act of it
too_many@5123/0                 a decision of a rule over time: rule@event/index
conveyor: ... / device conveyor a device of the plan
sorting/look, sorting/part-...  what belongs to a pipeline, where a plan has several
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

_NAME: Final = r"[A-Za-z_][A-Za-z0-9_./-]*"
_ITEM: Final = re.compile(rf"(?<![\w./-])({_NAME}-[0-9a-f]{{8,16}}-[0-9]+)(?![\w-]|\.\w)")
_RULE: Final = re.compile(rf"(?<![\w./-])({_NAME}@[0-9]+/[0-9]+)(?![\w/-])")
_DEVICE: Final = re.compile(r"^(?:ALARM:? )?(?:device )?([A-Za-z_][\w-]*)(?::| stopped:| is down:| has made)")
LONGEST: Final = 2_000  # of a sentence is looked through


class Known:
    """The names of the plan that runs."""

    def __init__(self, pipelines: Collection[str] = (), devices: Collection[str] = ()) -> None:
        self._pipelines, self._devices = tuple(pipelines), frozenset(devices)

    def about(self, text: str) -> dict[str, str]:
        """Return what of pipeline, decision, item and device the sentence names; of several items the first."""
        text, found = text[:LONGEST], {}
        item = _ITEM.search(text) if "-" in text else None
        rule = _RULE.search(text) if "@" in text else None
        if item is not None:
            found["item"] = found["decision"] = item[1]
        elif rule is not None:
            found["decision"] = rule[1]
        device = _DEVICE.match(text)
        if device is not None and device[1] in self._devices:
            found["device"] = device[1]
        if pipeline := self._pipeline(text, bool(found.get("decision"))):
            found["pipeline"] = pipeline
        return found

    def _pipeline(self, text: str, is_decision: bool) -> str:
        if len(self._pipelines) == 1:
            only = self._pipelines[0]
            return only if is_decision or text.startswith("step ") else ""
        return next((name for name in self._pipelines if re.search(rf"(?<![\w-]){re.escape(name)}[./]", text)), "")
