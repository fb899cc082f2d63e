"""A payload to a `Message`: its body, and the key under which it counts once. What is none is counted and said."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal

from annotated_types import MaxLen, MinLen, Predicate, doc

from ripieno.contracts.driver import Context
from ripieno.errors import DeviceError
from ripieno.values import Message
from ripieno_drivers.payloads import (
    ABSENT,
    BadPayload,
    gather,
    is_a_pointer,
    look,
    parse_pointer,
    read_document,
)

LARGEST_BYTES: Final = 65_536
LONGEST_KEY: Final = 200
MOST_FIELDS: Final = 64
Pointer = Annotated[str, MaxLen(200), Predicate(is_a_pointer)]


@dataclass(frozen=True, kw_only=True)
class MessagePoint:
    """How a message input reads its payloads."""

    format: Annotated[
        Literal["json", "text"], doc("json: an object; text: what came, in UTF-8, is the field `text`")
    ] = "json"
    fields: Annotated[
        Mapping[Annotated[str, MinLen(1), MaxLen(128)], Pointer],
        MaxLen(MOST_FIELDS),
        doc("json: field of the input: where it is, as /question/text (RFC 6901); empty: each where its name is"),
    ] = field(default_factory=dict)
    key: Annotated[
        Pointer,
        doc("json: where the sender's own name for the message is; a message that comes twice under one counts once"),
    ] = ""

    def __post_init__(self) -> None:
        """Raises ValueError when the parts do not fit together."""
        if self.format == "text" and (self.fields or self.key):
            raise ValueError("a text has no places: `fields` and `key` need format json")


class Arriving:
    """The message inputs of one device."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._refused: Counter[str] = Counter()
        self._said: set[tuple[str, str]] = set()

    def refused(self, input: str) -> int:
        """How many payloads were none."""
        return self._refused[input]

    def take(self, input: str, point: MessagePoint, payload: bytes, name: str = "") -> bool:
        """Report the message that a payload is, or count and say why it is none; whether it was one.

        Args:
            name: what its sender or its file calls it; "" for nothing: its content then is its name.
        """
        try:
            if len(payload) > LARGEST_BYTES:
                raise BadPayload(f"it has {len(payload)} bytes; at most {LARGEST_BYTES} are taken")
            body, key = self._read(input, point, payload)
        except BadPayload as error:
            self.refuse(input, str(error))
            return False
        self.report(input, body, key or short_key(name) or digest_key(payload))
        return True

    def report(self, input: str, body: Mapping[str, object], key: str) -> None:
        """Report a message that came now."""
        now_ns = self._context.clock.monotonic_ns()
        self._context.report(Message(input, key, body, now_ns, now_ns))

    def refuse(self, input: str, why: str) -> None:
        """Count what is no message; say so the first time, and each time the count has a digit more."""
        self._refused[input] += 1
        count = self._refused[input]
        if str(count).strip("0") == "1":
            more = "" if count == 1 else f" ({count} so far)"
            self._context.say(f"{self._context.device}: {input}: a message is not taken: {why}{more}")

    def usable(self, input: str, given: Mapping[str, object]) -> dict[str, object]:
        """Return what of a body can go further; what cannot is said once for each field."""
        fields, faults = gather(given.items())
        for fault in faults:
            told = (input, fault.split(" ")[0])
            if told not in self._said and len(self._said) < 1000:
                self._said.add(told)
                self._context.say(f"{self._context.device}: {input}: {fault}")
        return dict(fields)

    def _read(self, input: str, point: MessagePoint, payload: bytes) -> tuple[dict[str, object], str]:
        if point.format == "text":
            try:
                return self.usable(input, {"text": payload.decode("utf-8")}), ""
            except UnicodeDecodeError as error:
                raise BadPayload(f"it is not UTF-8 (byte {error.start})") from None
        document = read_document(payload, LARGEST_BYTES)
        if not isinstance(document, dict):
            raise BadPayload("it is no JSON object")
        given = {name: look(document, parse_pointer(at)) for name, at in point.fields.items()} or {
            name: value for name, value in list(document.items())[:MOST_FIELDS] if not isinstance(value, (dict, list))
        }
        return self.usable(input, given), _own_key(document, point.key) if point.key else ""


def short_key(name: str) -> str:
    """Return a key of at most 200 characters that is this name's alone."""
    return name if len(name) <= LONGEST_KEY and name.isprintable() else digest_key(name.encode("utf-8", "replace"))


def digest_key(payload: bytes) -> str:
    """Return a key that follows from the content."""
    return f"sha256:{hashlib.sha256(payload).hexdigest()[:32]}"


def needs_record(context: Context) -> None:
    """Raise DeviceError where nobody can say when a message is durable."""
    if context.recorded is None:
        raise DeviceError(f"{context.device}: messages need a record, and this host offers none")


def _own_key(document: Any, at: str) -> str:
    key = look(document, parse_pointer(at))
    if key is ABSENT or isinstance(key, (bool, float)) or not isinstance(key, (str, int)) or key == "":
        raise BadPayload(f"it has no key at {at}")
    return short_key(str(key))
