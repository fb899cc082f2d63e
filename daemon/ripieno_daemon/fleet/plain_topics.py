"""The `TopicBroker` port over any `Broker`: what virtual time and the broker on a unix socket offer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ripieno.contracts.ports import Broker
from ripieno.contracts.site import TopicMessage

Ack = Callable[[], None]


class PlainTopics:
    """See contracts.site.TopicBroker. A `Broker` carries no correlation, and does not tell what was retained."""

    def __init__(self, broker: Broker) -> None:
        self._broker = broker

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[TopicMessage, Ack], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Stay connected until cancelled."""

        def take(topic: str, payload: bytes, ack: Ack) -> None:
            on_message(TopicMessage(topic, payload), ack)

        await self._broker.run(subscriptions, take, on_up, on_down)

    async def publish(self, message: TopicMessage) -> None:
        """Return when the broker has it."""
        await self._broker.publish(message.topic, message.payload, retain=message.is_retained)
