"""An order as it is signed.

    {v: 1, id: 16 bytes, kind, args: {}, to: {device: [epoch 8 bytes, boot]}, nbf, exp: us UTC, seq, max_ms}

`to` names each device with the epoch of its journal (a wiped device has another one: what was recorded before means
nothing to it) and its boot number (0: any; a stop must have it). `seq` rises with each order of a key. Addressees are
inside the signature, so that an order for one device is none for another whatever topic it comes on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from ripieno.errors import RipienoError

from ..packed import BadPacked, pack, unpack

MAX_BYTES: Final = 60 * 1024  # with signatures and envelope it stays below 64 kB
ID_BYTES: Final = 16
EPOCH_BYTES: Final = 8
MAX_DEVICES: Final = 2000
MAX_NUMBER: Final = 2**62
STOP: Final = "stop"


class BadOrder(RipienoError):
    """Bytes that are no order. `reason`: a short word for answers and counters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


class Address(NamedTuple):
    """Which life of a device is meant: the epoch of its journal, and its boot number (0: any)."""

    epoch: bytes
    boot: int = 0


@dataclass(frozen=True, slots=True)
class Order:
    """One order. Times are microseconds UTC; `max_ms`: how long doing it may take."""

    id: bytes
    kind: str
    to: Mapping[str, Address]
    not_before_us: int
    expires_us: int
    seq: int
    args: Mapping[str, Any] = field(default_factory=dict)
    max_ms: int = 10_000


def pack_order(order: Order) -> bytes:
    """Return the bytes to sign.

    Raises:
        BadPacked: too large for a command.
    """
    plain = {
        "v": 1,
        "id": order.id,
        "kind": order.kind,
        "args": order.args,
        "to": {device: [address.epoch, address.boot] for device, address in order.to.items()},
        "nbf": order.not_before_us,
        "exp": order.expires_us,
        "seq": order.seq,
        "max_ms": order.max_ms,
    }
    return pack(plain, MAX_BYTES)


def parse_order(packed: bytes) -> Order:
    """Return the order in bytes whose signature was good.

    Raises:
        BadOrder: they are none.
    """
    try:
        plain = unpack(packed, MAX_BYTES)
    except BadPacked as error:
        raise BadOrder(error.reason, f"the signed bytes are no order: {error}") from None
    match plain:
        case {
            "v": 1,
            "id": bytes(id),
            "kind": str(kind),
            "args": dict(args),
            "to": dict(to),
            "nbf": int(not_before_us),
            "exp": int(expires_us),
            "seq": int(seq),
            "max_ms": int(max_ms),
            **unknown,
        } if not unknown:
            pass
        case {"v": version} if version != 1:
            raise BadOrder("version", f"an order of version {version!r}; this release reads 1")
        case _:
            raise BadOrder("format", "an order is {v, id, kind, args, to, nbf, exp, seq, max_ms}")
    if len(id) != ID_BYTES or not 0 < len(kind) <= 32 or not 0 < len(to) <= MAX_DEVICES:
        raise BadOrder("format", f"an id of {ID_BYTES} bytes, a kind of up to 32 letters, 1 to {MAX_DEVICES} devices")
    if not all(type(number) is int and 0 < number < MAX_NUMBER for number in (not_before_us, expires_us, seq, max_ms)):
        raise BadOrder("format", "nbf, exp, seq and max_ms should be numbers above 0")
    if expires_us < not_before_us:
        raise BadOrder("window", "it expires before it begins")
    addresses = {device: _address(value) for device, value in to.items()}
    return Order(id, kind, addresses, not_before_us, expires_us, seq, args, max_ms)


def _address(value: Any) -> Address:
    match value:
        case [bytes(epoch), int(boot)] if len(epoch) == EPOCH_BYTES and type(boot) is int and 0 <= boot < MAX_NUMBER:
            return Address(epoch, boot)
    raise BadOrder("format", f"a device is addressed by [{EPOCH_BYTES} bytes of epoch, boot number]")
