"""The `TopicBroker` port over MQTT 5: a device's own connection to a broker of the site.

Beside topic and payload it carries what the fleet's own messages do not need: the sender's name for a message
(correlation data) and whether the broker had kept it. Out go JSON texts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from ripieno.contracts.ports import Clock, Entropy
from ripieno.contracts.site import BrokerAddress, Brokers, TopicMessage
from ripieno.errors import BrokerError, CommandRefused

from ..ports.network import client_context
from .broker_mqtt import MqttBroker
from .broker_mqtt_connection import OVERHEAD_BYTES, MqttConnection, MqttSettings

LARGEST_PACKET = 1 << 20  # a larger one is dropped by the broker: it must not fill this process
QUOTA_EXCEEDED = 0x97
Ack = Callable[[], None]
OnMessage = Callable[[TopicMessage, Ack], None]


def site_brokers(device: str, root: Path, clock: Clock, entropy: Entropy) -> Brokers:
    """Return what makes the connections of a device's drivers.

    Args:
        device: the device's identity in its fleet; it stands before each connection's own name.
        root: what a relative path of a password or certificate counts from.
    """

    def broker(address: BrokerAddress) -> SiteBroker:
        return SiteBroker(address, f"{device}-{address.client}", root, clock, entropy)

    return broker


class SiteBroker:
    """One client id at one broker. See contracts.site.TopicBroker."""

    def __init__(self, address: BrokerAddress, client_id: str, root: Path, clock: Clock, entropy: Entropy) -> None:
        settings = MqttSettings(
            host=address.host,
            port=address.port,
            client_id=client_id,
            username=address.username or None,
            most_backoff_s=15.0,
            largest_packet=LARGEST_PACKET,
        )
        self._mqtt = _Mqtt(settings, address, root, clock, entropy)

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: OnMessage,
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Stay connected until cancelled. Raises BrokerError: another client has our name."""
        self._mqtt.take = on_message
        await self._mqtt.run(subscriptions, _no_message, on_up, on_down)

    async def publish(self, message: TopicMessage) -> None:
        """Return at the PUBACK."""
        await self._mqtt.send(message)


class _Mqtt(MqttBroker):
    """Connections that carry whole messages. `take` has each that comes."""

    def __init__(
        self, settings: MqttSettings, address: BrokerAddress, root: Path, clock: Clock, entropy: Entropy
    ) -> None:
        super().__init__(settings, clock, entropy)
        self._address, self._root = address, root
        self.take: OnMessage = lambda message, ack: None

    async def send(self, message: TopicMessage) -> None:
        """Return at the PUBACK."""
        connection = self._connection
        if not isinstance(connection, _Connection):
            raise BrokerError("not connected")
        await connection.send(message)

    def _make(self, on_message: Callable[[str, bytes, Ack], None]) -> MqttConnection:
        return _Connection(self._settings, self._clock, self._address, self._root, self.take)


class _Connection(MqttConnection):
    def __init__(
        self, settings: MqttSettings, clock: Clock, address: BrokerAddress, root: Path, take: OnMessage
    ) -> None:
        super().__init__(settings, clock, None, _no_message)
        self._address, self._root, self._take = address, root, take

    async def send(self, message: TopicMessage) -> None:
        size = len(message.topic.encode()) + len(message.payload) + len(message.correlation) + OVERHEAD_BYTES
        if self._max_packet is not None and size > self._max_packet:
            raise CommandRefused(f"{message.topic}: a message of {size} bytes; this broker takes {self._max_packet}")
        properties: Any = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]  # paho ships no types
        properties.ContentType = "application/json"
        properties.PayloadFormatIndicator = 1  # UTF-8
        if message.correlation:
            properties.CorrelationData = message.correlation
        await self._deliver(message.topic, message.payload, message.is_retained, properties)

    def _connect(self) -> None:
        address = self._address
        if address.tls is not None:
            self._client.tls_set_context(client_context(address.tls, self._root))
        if address.username:
            password = _first_line(self._root, address.password_file) if address.password_file else None
            self._client.username_pw_set(address.username, password)
        super()._connect()

    def _on_paho_message(self, client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        number, qos = message.mid, message.qos

        def ack() -> None:
            if qos and not self._lost.done():
                client.ack(number, qos)

        correlation = bytes(getattr(message.properties, "CorrelationData", b""))
        self._take(TopicMessage(message.topic, bytes(message.payload), correlation, bool(message.retain)), ack)

    def _refusal(self, reason: Any) -> Exception:
        if reason.value == QUOTA_EXCEEDED:
            return super()._refusal(reason)
        return CommandRefused(f"the broker refused a message: {reason}")


def _first_line(root: Path, path: str) -> str:
    """Return the password in a file. Raises OSError, ValueError."""
    lines = (root / path).read_text(encoding="utf-8").splitlines()
    if not lines or not lines[0].strip():
        raise ValueError(f"{path}: should hold the password in its first line")
    return lines[0].strip()


def _no_message(topic: str, payload: bytes, ack: Ack) -> None:
    """Messages go another way here."""
