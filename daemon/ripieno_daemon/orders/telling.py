"""What the desk says back: answers for the broker, counts by reason, a sentence for people now and then."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from typing import Any, Final

from ..fleet.envelope import Envelope
from ..seldom import is_said
from .admission import Refusal
from .order import STOP, Order
from .states import FINAL, State

MAX_ANSWERS: Final = 256


class Telling:
    """The voice of one desk.

    Args:
        record: each order that came to an end, for the ledger.
        publish_soon: called when there is something in `answers`.
    """

    def __init__(
        self, say: Callable[[str], None], record: Callable[[Mapping[str, Any]], None], publish_soon: Callable[[], None]
    ) -> None:
        self._say, self._record, self._publish_soon = say, record, publish_soon
        self.answers: deque[dict[str, Any]] = deque(maxlen=MAX_ANSWERS)
        self.counts: Counter[str] = Counter()

    def turn_away(self, envelope: Envelope | None, refusal: Refusal, ack: Callable[[], None]) -> None:
        """Refuse without the journal: nobody that is listed said it, or it is for another. None: it is not answered."""
        self._count(refusal)
        if envelope is not None:
            self.answers.append({"id": envelope.id, **_refused(refusal)})
            self._publish_soon()
        ack()

    def refuse(self, order: Order, refusal: Refusal) -> None:
        """Say why an order of a listed key is not done."""
        self._count(refusal)
        self.send(order, _refused(refusal))

    def came_to(self, order: Order, answer: Mapping[str, Any]) -> bool:
        """Count and record an outcome, and send it; False: it is a word on how far it is, and is only sent."""
        state = State(answer["state"])
        if state in FINAL:
            if order.kind != STOP:  # counted when it was done, before the journal
                self.counts[f"{state.value.lower()} {order.kind}"] += 1
            told: dict[str, Any] = {key: answer[key] for key in ("state", "reason", "text") if key in answer}
            self._record({"order": order.id.hex(), "kind": order.kind, **told})
        self.send(order, answer)
        return state in FINAL

    def send(self, order: Order, answer: Mapping[str, Any]) -> None:
        """Have an answer published."""
        self.answers.append({"id": order.id, "kind": order.kind, **answer})
        self._publish_soon()

    def _count(self, refusal: Refusal) -> None:
        self.counts[refusal.reason] += 1
        count = self.counts[refusal.reason]
        if is_said(count):
            self._say(f"order refused ({refusal.reason}, {count}): {refusal.text}")


def _refused(refusal: Refusal) -> dict[str, Any]:
    return {"state": State.REFUSED.value, "reason": refusal.reason, "text": refusal.text}
