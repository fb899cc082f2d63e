"""Driver `mqtt-messages`: messages from and to topics of a broker of the site, in plain JSON, QoS 1.

Out:  {"act": "question-1-7/reply/0", "output": "reply", "verb": "send", "fields": {...}}, correlation data: the act.
      The broker has it at least once; a reader that remembers acts has each effect once.
In:   a JSON object or a text. Its key is a field of it, else the sender's correlation data, else its content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Final

from annotated_types import Gt, Le, MaxLen, MinLen, doc

from ripieno.contracts.driver import Context, Device, Driver, Place
from ripieno.contracts.site import BrokerAddress, Tls, TopicBroker, TopicMessage
from ripieno.errors import BrokerError, CommandRefused, DeviceError
from ripieno.values import Booking, Outcome, OutcomeKind
from ripieno_drivers.booking.patience import Patience
from ripieno_drivers.payloads import booking_document, header_value, to_json
from ripieno_drivers.serial_line import Standing
from ripieno_drivers.unmoving import MovesNothing

from .arriving import Arriving, MessagePoint, needs_record, short_key
from .keeping import Keeping
from .topics import is_a_filter, is_a_topic, matches

AGAIN_S: Final = (0.2, 1.0, 5.0, 15.0)
TAKEN_OVER_S: Final = 60.0


@dataclass(frozen=True, kw_only=True)
class MqttSettings:
    """A broker of the site, with a connection of this device's own."""

    host: Annotated[str, Place(), MinLen(1), MaxLen(253), doc("the broker's name or address")]
    port: Annotated[int, Place(), Gt(0), Le(65_535), doc("8883 with tls")] = 1883
    tls: Annotated[bool, doc("encrypted, and the broker's certificate verified")] = False
    username: Annotated[str, MaxLen(200), doc("who we are to the broker")] = ""
    password_file: Annotated[str, Place(), doc("a file with the password in its first line; read at every connect")] = (
        ""
    )
    ca_file: Annotated[str, Place(), doc("PEM of who vouches for the broker; empty: the system's authorities")] = ""
    certificate_file: Annotated[str, Place(), doc("our certificate (PEM), for a broker that asks for one")] = ""
    key_file: Annotated[str, Place(), doc("and its key (PEM)")] = ""

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        if not self.tls and (self.ca_file or self.certificate_file or self.key_file):
            raise ValueError("certificates are of no use without `tls: true`")
        if bool(self.certificate_file) != bool(self.key_file):
            raise ValueError("`certificate_file` and `key_file` go together")
        if self.password_file and not self.username:
            raise ValueError("`password_file` needs a `username`")
        if self.password_file and not self.tls and self.host not in ("localhost", "127.0.0.1", "::1"):
            raise ValueError("the password would be readable on the way; use `tls: true`")


@dataclass(frozen=True, kw_only=True)
class MqttPoint(MessagePoint):
    """A message input listens, an output sends."""

    listen: Annotated[str, MaxLen(1000), doc("an input: the topic, with + and # for any level or the rest")] = ""
    send: Annotated[str, MaxLen(1000), doc("an output: the topic")] = ""
    retain: Annotated[
        bool,
        doc("input: also take what the broker had kept from before; output: let the broker keep the last message"),
    ] = False

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        super().__post_init__()
        if bool(self.listen) == bool(self.send):
            raise ValueError("give one of `listen` (an input) and `send` (an output)")
        if self.listen and not is_a_filter(self.listen):
            raise ValueError(f"`listen`: {self.listen!r} is no topic filter: + is one whole level, # the last")
        if self.send and not is_a_topic(self.send):
            raise ValueError(f"`send`: {self.send!r} is no single topic")
        if self.send and (self.fields or self.key or self.format != "json"):
            raise ValueError("`format`, `fields` and `key` are for an input")

    @property
    def direction(self) -> str:
        """Whether it listens (input) or sends (output)."""
        return "input" if self.listen else "output"


class MqttMessages(MovesNothing):
    """One broker. A booking waits for it; a message is acknowledged when it is durable here."""

    def __init__(self, settings: MqttSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._standing = Standing(context)
        self._arriving, self._keeping = Arriving(context), Keeping(context)
        self._inputs = [one for one in context.points if one.settings.listen]
        self._outputs = {one.name: one for one in context.points if one.settings.send}
        self._up = asyncio.Event()
        self._patience = Patience(context.device, AGAIN_S, lambda error: None)  # the connection says why
        self._broker: TopicBroker | None = None
        for point in self._inputs:
            if point.kind != "message":
                raise DeviceError(f"{context.device}: {point.name} is a {point.kind}: it is sent, give `send`")

    async def run(self) -> None:
        """Serve until cancelled."""
        if self._inputs:
            needs_record(self._context)
        broker = self._broker = self._connection()
        filters = list(dict.fromkeys(one.settings.listen for one in self._inputs))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keeping.run(), name=f"{self._context.device}: keeping")
                while True:
                    try:
                        await broker.run(filters, self._take, self._on_up, self._on_down)
                    except BrokerError as error:  # somebody else has our name: to fight for it would help nobody
                        self._on_down(str(error))
                    await self._context.clock.sleep(TAKEN_OVER_S)
        finally:
            self._patience.close()
            self._up.set()  # who waits learns that it is closed

    async def book(self, booking: Booking) -> Outcome:
        """Publish until the broker has it, or has said no to it. Raises LinkDown: `run` has ended."""
        context = self._context
        point = self._outputs.get(booking.output)
        if point is None:
            raise CommandRefused(f"{context.device} has no output {booking.output!r}")
        message = TopicMessage(
            point.settings.send,
            to_json(booking_document(booking)),
            header_value(str(booking.act)).encode(),
            point.settings.retain,
        )

        async def publish() -> None:
            await self._up.wait()
            self._patience.refuse_closed()
            assert self._broker is not None
            await self._broker.publish(message)

        try:
            await self._patience.done(publish, BrokerError)
        except CommandRefused as error:
            context.say(f"{context.device}: {booking.act}: {error}; a person must look")
            now_ns = context.clock.monotonic_ns()
            return Outcome(booking.act, OutcomeKind.NOT_EXECUTED, str(error), at_ns=now_ns)
        return Outcome(booking.act, OutcomeKind.EXECUTED, at_ns=context.clock.monotonic_ns())

    def _connection(self) -> TopicBroker:
        context, settings = self._context, self._settings
        if context.brokers is None:
            raise DeviceError(f"{context.device}: this host offers no connection to a broker")
        tls = Tls(ca_file=settings.ca_file, certificate_file=settings.certificate_file, key_file=settings.key_file)
        return context.brokers(
            BrokerAddress(
                host=settings.host,
                port=settings.port,
                client=context.device,
                username=settings.username,
                password_file=settings.password_file,
                tls=tls if settings.tls else None,
            )
        )

    def _take(self, message: TopicMessage, ack: Callable[[], None]) -> None:
        """Take a message for each input that listens to its topic; acknowledge it when they are durable."""
        name = short_key(message.correlation.decode("utf-8", "replace")) if message.correlation else ""
        is_kept = False
        for point in self._inputs:
            if matches(point.settings.listen, message.topic) and (point.settings.retain or not message.is_retained):
                is_kept |= self._arriving.take(point.name, point.settings, message.payload, name)
        if is_kept:
            self._keeping.later(ack)
        else:
            ack()

    def _on_up(self) -> None:
        self._standing.up()
        self._up.set()

    def _on_down(self, why: str) -> None:
        self._up.clear()
        self._standing.down(f"{self._settings.host}:{self._settings.port}: {why}; messages wait")


def _open(settings: Any, context: Context) -> Device:
    return MqttMessages(settings, context)


DRIVER = Driver(
    name="mqtt-messages",
    summary="messages from and to topics of a broker of the site, in plain JSON",
    settings=MqttSettings,
    point=MqttPoint,
    inputs=frozenset({"message"}),
    outputs=frozenset({"message", "booking", "report"}),
    pulse_contract="none",
    falls_safe=True,
    open=_open,
)
