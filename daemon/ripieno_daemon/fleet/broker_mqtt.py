"""The `Broker` port over MQTT 5: paho's protocol, this loop's sockets.

paho is used for packets only. It keeps no queue here: one client object for each connection, and a publish that is
not acknowledged when the connection goes fails. What paho does not do is done before it: TCP_NODELAY (without it a
round trip takes 44-90 ms instead of 0.5), and the limits of the CONNACK (Receive Maximum, Maximum Packet Size: one
message above the latter would reconnect for ever). A message is acknowledged only when `ack` is called.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ripieno.contracts.ports import Clock, Entropy
from ripieno.errors import BrokerError

from ..ports.thread import OwnThread
from .broker_mqtt_connection import MqttConnection, MqttSettings
from .broker_tls import TlsFiles
from .message_broker import Will

__all__ = ["MqttBroker", "MqttSettings", "TlsFiles"]

LEAST_BACKOFF_S, FIRST_BACKOFF_S = 0.2, 1.0
HELD_S = 30.0  # a connection that held so long makes the next back-off short again


class MqttBroker:
    """One client id at one broker. `will` and `birth` are retained on the will's topic."""

    def __init__(
        self,
        settings: MqttSettings,
        clock: Clock,
        entropy: Entropy,
        *,
        will: Will | None = None,
        birth: Callable[[], bytes] | None = None,
    ) -> None:
        self._settings, self._clock, self._entropy = settings, clock, entropy
        self._will, self._birth = will, birth
        self._thread = OwnThread("mqtt connect")
        self._connection: MqttConnection | None = None
        self.retained_refused = 0

    async def run(
        self,
        subscriptions: Sequence[str],
        on_message: Callable[[str, bytes, Callable[[], None]], None],
        on_up: Callable[[], None],
        on_down: Callable[[str], None],
    ) -> None:
        """Stay connected until cancelled. `on_down` is called once for each loss, and once if the first try fails.

        Raises:
            BrokerError: the broker said that another client took our id over; to fight for it would help nobody.
                Mosquitto 2.0.11 does not say it (it only closes): there the growing back-off slows the fight.
        """
        failures, told = 0, False
        while True:
            connection = self._make(on_message)
            began_ns = self._clock.monotonic_ns()
            try:
                await connection.open(self._thread)
                await connection.subscribe(subscriptions)
                self._connection = connection
                if self._will is not None and self._birth is not None:
                    await connection.publish(self._will.topic, self._birth(), retain=True)
                on_up()
                told = False
                await connection.serve()
            except BrokerError as error:
                why = str(error)
            finally:
                self._connection = None
                self.retained_refused += connection.retained_refused
                connection.close()
            if connection.was_taken_over:
                raise BrokerError(f"another client uses the id {self._settings.client_id!r}")
            if not told:
                on_down(why)
                told = True
            held = self._clock.monotonic_ns() - began_ns > HELD_S * 1e9
            failures = 1 if held else failures + 1
            await self._clock.sleep(self._backoff_s(failures))

    async def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> None:
        """Return at the PUBACK.

        Raises:
            BrokerError: not connected, too large for this broker, refused, or cut meanwhile (then it may have
            arrived).
        """
        if self._connection is None:
            raise BrokerError("not connected")
        await self._connection.publish(topic, payload, retain=retain)

    def _make(self, on_message: Callable[[str, bytes, Callable[[], None]], None]) -> MqttConnection:
        return MqttConnection(self._settings, self._clock, self._will, on_message)

    def _backoff_s(self, failures: int) -> float:
        """Full jitter over a ceiling that doubles from 1 s on, never below the least."""
        ceiling = min(self._settings.most_backoff_s, FIRST_BACKOFF_S * 2.0 ** min(failures - 1, 16))
        chance: float = int.from_bytes(self._entropy.token(4), "big") / 2**32
        return LEAST_BACKOFF_S + (ceiling - LEAST_BACKOFF_S) * chance
