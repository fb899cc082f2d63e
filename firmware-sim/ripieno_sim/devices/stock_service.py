"""An HTTP service of a site, at the level of bytes: takes bookings under idempotency keys, and knows customers.

Written from RFC 9112 (HTTP/1.1) and the service's own description: POST /bookings with an Idempotency-Key has its
effect once; GET /customers?number=KEY gives a list of the customers under a key.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import unquote

CUSTOMERS: dict[str, list[dict[str, object]]] = {
    "4711": [{"name": "Ada", "account": {"balance": 12.5}}],
    "7": [{"name": "Grace", "account": {"balance": 0}}],
    "a b": [{"name": "Über", "account": {}}],
    "twice": [{"name": "one"}, {"name": "other"}],
}


class StockService:
    """Books."""

    settings: Mapping[str, Any] = {"url": "http://stock.site/api"}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (("stock", "booking", {"path": "/bookings"}),)
    records: Mapping[str, Mapping[str | float, Mapping[str, object] | None]] = {}
    tables: Mapping[str, Sequence[str]] = {}

    def __init__(self, seed: int = 0) -> None:
        self._effects: Counter[str] = Counter()
        self._keys: set[str] = set()

    def connected(self) -> _Talk:
        """Somebody has connected."""
        return _Talk(self)

    def effects(self, act: str, outside: Any) -> int:
        """How often an act was booked."""
        return self._effects[act]

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Serve one request."""
        if (method, target) != ("POST", "/api/bookings"):
            return 404, b""
        key = headers.get("idempotency-key", "")
        if key in self._keys:
            return 409, b"already booked"
        if key:
            self._keys.add(key)
        self._effects[json.loads(body)["act"]] += 1
        return 201, b""


class CustomerService(StockService):
    """Knows customers."""

    settings: Mapping[str, Any] = {"url": "http://crm.site"}
    points: Sequence[tuple[str, str, Mapping[str, Any]]] = (
        (
            "customers",
            "record",
            {
                "path": "/customers?number={key}",
                "record": "/found",
                "fields": {"name": "/name", "balance": "/account/balance"},
            },
        ),
    )
    records: Mapping[str, Mapping[str | float, Mapping[str, object] | None]] = {
        "customers": {
            "4711": {"name": "Ada", "balance": 12.5},
            7.0: {"name": "Grace", "balance": 0},
            "a b": {"name": "Über"},
            "twice": None,
        }
    }

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """Serve one request."""
        path, _, query = target.partition("?number=")
        if (method, path) != ("GET", "/customers"):
            return 400, b""
        found = CUSTOMERS.get(unquote(query), [])
        return 200, json.dumps({"found": found}).encode()


class _Talk:
    """One connection: requests are cut out of the bytes, answers are written whole."""

    def __init__(self, service: StockService) -> None:
        self._service = service
        self._received = b""

    def answer(self, written: bytes) -> bytes:
        """Take bytes, return the answers to the requests that are whole."""
        self._received += written
        answers = b""
        while b"\r\n\r\n" in self._received:
            head, _, rest = self._received.partition(b"\r\n\r\n")
            first, *lines = head.decode("ascii").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                break
            method, target, version = first.split(" ")
            assert version == "HTTP/1.1" and headers["host"], first
            status, body = self._service.answer(method, target, headers, rest[:length])
            self._received = rest[length:]
            answers += b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n%s" % (status, len(body), body)
        return answers
