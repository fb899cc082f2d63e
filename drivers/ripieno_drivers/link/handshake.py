"""Who asks for a session and which board is taken; docs/link-protocol.md section 3."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from . import messages
from .messages import PROTO, Welcome

ASK_US: Final = 25_000
ASK_REFUSED_US: Final = 1_000_000
"""A wrong board does not become the right one by being asked 40 times a second."""


class Handshake:
    """HELLO until a WELCOME with our nonce comes from the right board. `uid`, `config_crc`: None takes any."""

    def __init__(self, nonce: Callable[[], int], uid: bytes | None, config_crc: int | None) -> None:
        self._fresh = nonce
        self._uid = uid
        self._config_crc = config_crc
        self._nonce = nonce()
        self._ask_at_us = 0
        self._refusal = ""

    def begin(self, now_us: int) -> None:
        """Ask again, at once, under a new nonce."""
        self._nonce = self._fresh()
        self._ask_at_us = now_us

    def another_line(self) -> None:
        """Another line may lead to another board: a refusal says nothing about that one."""
        self._refusal = ""

    def hello(self, now_us: int) -> bytes | None:
        """Return the payload of a HELLO if one is due."""
        if now_us < self._ask_at_us:
            return None
        if self._refusal:
            self._nonce = self._fresh()
        self._ask_at_us = now_us + (ASK_REFUSED_US if self._refusal else ASK_US)
        return messages.hello(self._nonce)

    @property
    def is_refused(self) -> bool:
        return bool(self._refusal)

    @property
    def ask_at_us(self) -> int:
        return self._ask_at_us

    def booted(self, now_us: int) -> None:
        """A BOOT while we ask: the board listens now. A refused one is still asked slowly."""
        if not self._refusal:
            self._ask_at_us = min(self._ask_at_us, now_us)

    def take(self, payload: bytes) -> Welcome | str | None:
        """Return the WELCOME that opens a session, why it was refused (once for each reason), or None to go on
        asking.
        """
        refusal, welcome = "", None
        if payload and payload[0] != PROTO:
            refusal = f"the board speaks version {payload[0]} of the link protocol, this driver version {PROTO}"
        elif len(payload) != messages.PROTO_1_WELCOME_BYTES:
            return None
        else:
            welcome = messages.unpack_welcome(payload)
            if welcome.host_nonce != self._nonce or welcome.token == 0:
                return None
            refusal = self._mismatch(welcome)
        if not refusal:
            self._refusal = ""
            return welcome
        said_before, self._refusal = refusal == self._refusal, refusal
        return None if said_before else refusal

    def _mismatch(self, welcome: Welcome) -> str:
        if self._uid is not None and welcome.device_uid != self._uid:
            return f"another board answers: uid {welcome.device_uid.hex()}, the settings name {self._uid.hex()}"
        if self._config_crc is not None and welcome.config_crc != self._config_crc:
            return (
                f"the board's channel table has config_crc {welcome.config_crc:#010x}, "
                f"the settings name {self._config_crc:#010x}"
            )
        return ""
