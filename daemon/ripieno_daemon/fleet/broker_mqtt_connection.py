"""One MQTT connection, from CONNECT to its end: paho packs and unpacks, this loop reads and writes its socket."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from ripieno.contracts.ports import Clock
from ripieno.errors import BrokerError

from ..ports.thread import OwnThread
from .broker_tls import TlsFiles, another_name, client_context, why_closed
from .envelope import CONTENT_TYPE
from .message_broker import Unheard, Will
from .topics import is_json, is_never_retained

WINDOW = 16
RECEIVE_MAXIMUM = 32
CONNECT_S = 10.0
MISC_S = 1.0
OVERHEAD_BYTES = 128  # of a PUBLISH beside topic and payload: header, packet id, properties
NOBODY, NOT_AUTHORIZED, TAKEN_OVER = 0x10, 0x87, 0x8E  # reason codes of MQTT 5


@dataclass(frozen=True, kw_only=True)
class MqttSettings:
    """Where the broker is and who we are. `tls` None: in the clear, for one machine.

    `keepalive_s`: a half-open link is noticed after twice that and 2 s, so within 14 s. `largest_packet`: the broker is
    asked not to send a larger one (bytes).
    """

    host: str
    port: int = 1883
    client_id: str
    username: str | None = None
    password: str | None = None
    tls: TlsFiles | None = None
    keepalive_s: int = 6
    session_expiry_s: int = 3600
    will_delay_s: int = 15
    most_backoff_s: float = 60.0
    largest_packet: int | None = None


class _ClosedOnUs(BrokerError):
    """The other end closed the connection before it took us: in TLS 1.3, often without a reason that paho sees."""


class MqttConnection:
    """One connection from CONNECT to its end, and one paho client for it."""

    def __init__(
        self,
        settings: MqttSettings,
        clock: Clock,
        will: Will | None,
        on_message: Callable[[str, bytes, Callable[[], None]], None],
    ) -> None:
        self._settings, self._clock, self._on_message = settings, clock, on_message
        self._loop = asyncio.get_running_loop()
        self._lost: asyncio.Future[str] = self._loop.create_future()
        self._up: asyncio.Future[None] = self._loop.create_future()
        self._waiting: dict[int, asyncio.Future[int]] = {}
        self._subscribed: dict[int, asyncio.Future[None]] = {}
        self._slots = asyncio.Semaphore(WINDOW)
        self._max_packet: int | None = None
        self._fd = -1
        self._is_closed = False
        self.was_taken_over = False
        self.retained_refused = 0
        self._client = self._make_client(will)

    async def open(self, thread: OwnThread) -> None:
        """Connect and wait for the CONNACK. DNS, TCP and TLS block, in a thread.

        Raises:
            BrokerError: with the reason; what is wrong with our own certificate is part of it.
        """
        settings = self._settings
        try:
            await self._open(thread)
        except _ClosedOnUs as error:
            if settings.tls is None:
                raise
            tls, now_ns = settings.tls, self._clock.wall_ns()
            why = await thread.run(lambda: why_closed(settings.host, settings.port, tls, now_ns))
            raise BrokerError(why) from error

    async def _open(self, thread: OwnThread) -> None:
        try:
            await thread.run(self._connect)
        except (OSError, ValueError) as error:
            raise BrokerError(f"{self._settings.host}:{self._settings.port}: {error}") from error
        opened = self._client.socket()
        if self._is_closed or opened is None:
            raise _ClosedOnUs("closed while connecting")
        self._fd = opened.fileno()
        self._client.on_socket_close = self._on_socket_close
        self._client.on_socket_register_write = lambda *_: self._loop.add_writer(self._fd, self._on_writable)
        self._client.on_socket_unregister_write = self._on_written
        self._loop.add_reader(self._fd, self._on_readable)
        self._client.loop_write()
        await self._either(self._up, CONNECT_S, "no CONNACK", _ClosedOnUs)

    async def subscribe(self, subscriptions: Sequence[str]) -> None:
        """Subscribe with QoS 1 and wait for the SUBACK."""
        if not subscriptions:
            return
        code, mid = self._client.subscribe([(topic, SubscribeOptions(qos=1)) for topic in subscriptions])
        if code != paho.MQTT_ERR_SUCCESS or mid is None:
            raise BrokerError(f"subscribe: {paho.error_string(code)}")
        future = self._subscribed[mid] = self._loop.create_future()
        await self._either(future, CONNECT_S, "no SUBACK")

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        size = len(topic.encode()) + len(payload) + OVERHEAD_BYTES
        if self._max_packet is not None and size > self._max_packet:
            raise BrokerError(f"{topic}: a message of {size} bytes; this broker takes {self._max_packet}")
        properties = _properties(PacketTypes.PUBLISH)
        properties.ContentType = "application/json" if is_json(topic) else CONTENT_TYPE
        await self._deliver(topic, payload, retain, properties)

    async def _deliver(self, topic: str, payload: bytes, retain: bool, properties: Any) -> None:
        """Return at the PUBACK."""
        async with self._slots:
            if self._lost.done():
                raise BrokerError(self._lost.result())
            info = self._client.publish(topic, payload, qos=1, retain=retain, properties=properties)
            if info.rc != paho.MQTT_ERR_SUCCESS:
                raise BrokerError(f"{topic}: {paho.error_string(info.rc)}")
            future = self._waiting[info.mid] = self._loop.create_future()
            try:
                if await future == NOBODY and is_json(topic):
                    raise Unheard(f"{topic}: nobody has subscribed to it")
            finally:
                self._waiting.pop(info.mid, None)

    async def serve(self) -> None:
        """Return never; raises BrokerError with the reason when the connection is lost."""
        while not self._lost.done():
            self._client.loop_misc()
            pause: asyncio.Future[Any] = asyncio.create_task(self._clock.sleep(MISC_S), name="mqtt keepalive")
            try:
                waited: list[asyncio.Future[Any]] = [pause, self._lost]
                await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            finally:
                pause.cancel()
        raise BrokerError(self._lost.result())

    def close(self) -> None:
        """Close without DISCONNECT, so that the session stays and the will is told; everything pending fails."""
        self._is_closed = True
        self._end("closed")
        opened = self._client.socket()
        if opened is not None:
            self._on_socket_close()
            opened.close()

    def _connect(self) -> None:
        if self._settings.tls is not None:
            self._client.tls_set_context(client_context(self._settings.tls))
        properties = _properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = self._settings.session_expiry_s
        properties.ReceiveMaximum = RECEIVE_MAXIMUM
        if self._settings.largest_packet is not None:
            properties.MaximumPacketSize = self._settings.largest_packet
        self._client.connect(
            self._settings.host,
            self._settings.port,
            keepalive=self._settings.keepalive_s,
            clean_start=False,
            properties=properties,
        )
        opened: Any = self._client.socket()
        if opened is not None:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._is_closed:  # nobody waits any more
                opened.close()

    def _make_client(self, will: Will | None) -> paho.Client:
        settings = self._settings
        client = paho.Client(CallbackAPIVersion.VERSION2, settings.client_id, protocol=paho.MQTTv5, manual_ack=True)
        client.connect_timeout = CONNECT_S
        client.max_inflight_messages_set(WINDOW)
        client.on_connect, client.on_disconnect = self._on_connect, self._on_disconnect
        client.on_message, client.on_publish, client.on_subscribe = (
            self._on_paho_message,
            self._on_publish,
            self._on_subscribe,
        )
        if settings.username is not None:
            client.username_pw_set(settings.username, settings.password)
        if will is not None:
            properties = _properties(PacketTypes.WILLMESSAGE)
            properties.WillDelayInterval = settings.will_delay_s
            client.will_set(will.topic, will.payload, qos=1, retain=True, properties=properties)
        return client

    async def _either(
        self,
        future: asyncio.Future[None],
        limit_s: float,
        otherwise: str,
        closed: type[BrokerError] = BrokerError,
    ) -> None:
        limit: asyncio.Future[Any] = asyncio.create_task(self._clock.sleep(limit_s), name="mqtt limit")
        try:
            waited: list[asyncio.Future[Any]] = [future, self._lost, limit]
            await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        finally:
            limit.cancel()
        if future.done():
            future.result()
        elif self._lost.done():
            raise closed(self._lost.result())
        else:
            raise BrokerError(f"{otherwise} within {limit_s:g} s")

    def _on_readable(self) -> None:
        self._client.loop_read()
        opened: Any = self._client.socket()
        while opened is not None and hasattr(opened, "pending") and opened.pending():
            self._client.loop_read()  # TLS has read more from the socket than one packet
            opened = self._client.socket()

    def _on_writable(self) -> None:
        self._client.loop_write()

    def _on_written(self, *_: Any) -> None:
        if self._fd >= 0:
            self._loop.remove_writer(self._fd)

    def _on_socket_close(self, *_: Any) -> None:
        if self._fd >= 0:
            self._loop.remove_reader(self._fd)
            self._loop.remove_writer(self._fd)
            self._fd = -1

    def _on_connect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._end(f"refused: {reason}")
            return
        window = min(WINDOW, getattr(properties, "ReceiveMaximum", WINDOW))
        self._slots = asyncio.Semaphore(window)
        self._max_packet = getattr(properties, "MaximumPacketSize", None)
        if not self._up.done():
            self._up.set_result(None)

    def _on_disconnect(self, _client: Any, _userdata: Any, _flags: Any, reason: Any, _properties: Any) -> None:
        self.was_taken_over = self.was_taken_over or reason.value == TAKEN_OVER
        self._end(str(reason))

    def _on_paho_message(self, client: paho.Client, _userdata: Any, message: paho.MQTTMessage) -> None:
        number, qos = message.mid, message.qos

        def ack() -> None:
            if qos and not self._lost.done():
                client.ack(number, qos)

        if message.retain and is_never_retained(message.topic):
            self.retained_refused += 1
            ack()
            return
        self._on_message(message.topic, bytes(message.payload), ack)

    def _on_publish(self, _client: Any, _userdata: Any, mid: int, reason: Any, _properties: Any) -> None:
        future = self._waiting.get(mid)
        if future is not None and not future.done():
            if reason.is_failure:
                future.set_exception(self._refusal(reason))
            else:
                future.set_result(reason.value)

    def _refusal(self, reason: Any) -> Exception:
        tls, why = self._settings.tls, ""
        if tls is not None and reason.value == NOT_AUTHORIZED:
            why = another_name(tls, self._settings.client_id)
        return Unheard(f"the broker refused a message: {reason}{why}")

    def _on_subscribe(self, _client: Any, _userdata: Any, mid: int, reasons: Any, _properties: Any) -> None:
        future = self._subscribed.pop(mid, None)
        if future is None or future.done():
            return
        refused = [str(reason) for reason in reasons if reason.is_failure]
        if refused:
            future.set_exception(BrokerError(f"subscription refused: {', '.join(refused)}"))
        else:
            future.set_result(None)

    def _end(self, why: str) -> None:
        if not self._lost.done():
            self._lost.set_result(why)
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(BrokerError(f"the connection went while a message was on its way: {why}"))
        self._waiting.clear()


def _properties(packet: int) -> Any:
    return Properties(packet)  # type: ignore[no-untyped-call]  # paho ships no types for it
