"""Hostile bytes for what reads other systems: `python -m drivers.site.fuzzing 100000` in tests/ runs each so often."""

from __future__ import annotations

import asyncio
import json
import math
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote, urlsplit

from ripieno.contracts.driver import Context
from ripieno.values import Message
from ripieno_drivers.http.address import parse_base, parse_template
from ripieno_drivers.http.exchange import Answer, Broken, Exchanges, Request
from ripieno_drivers.messages.arriving import Arriving, MessagePoint
from ripieno_drivers.messages.topics import is_a_filter, matches
from ripieno_drivers.payloads import ABSENT, BadPayload, gather, look, parse_pointer, read_document

SIGNS = 'ab01/~{}[]",:.-+#?%$ \\\n\x00\u00fc\ud800\U0001f600'
DOCUMENTS = [{"a": [1, {"b": None}], "": {"~": 1, "/": 2}}, [[], [0]], "text", 1.5, None, {"0": {"00": True}}]
RESPONSES = [
    b'HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{"name":"Ada"}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nabcd\r\n3;x=y\r\nefg\r\n0\r\nT: 1\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.0 404 Not Found\r\n\r\nnothing",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno",
]
MESSAGES = [b'{"a": "x", "b": {"c": [1]}, "c": true}', b"Wo ist meine Karte?", b'{"a": ["k", 2], "c": 1e400}']


def text(draw: random.Random, most: int = 24) -> str:
    return "".join(draw.choice(SIGNS) for _ in range(draw.randrange(most)))


def changed(draw: random.Random, content: bytes) -> bytes:
    """Cut, doubled, flipped, with something between."""
    made = bytearray(content)
    for _ in range(draw.randrange(5)):
        place = draw.randrange(len(made) + 1)
        match draw.randrange(5):
            case 0:
                del made[place : place + draw.randrange(8)]
            case 1:
                made[place:place] = draw.randbytes(draw.randrange(8))
            case 2 if made:
                made[place % len(made)] ^= 1 << draw.randrange(8)
            case 3:
                made[place:place] = made[: draw.randrange(40)]
            case _:
                made[place:place] = draw.choice([b"\r\n", b"\r\n\r\n", b"99999999999999999999", b"-1", b"\x00", b": "])
    return bytes(made)


def pointers(draw: random.Random) -> str:
    try:
        way = parse_pointer(text(draw))
    except ValueError:
        return "refused"
    found = look(draw.choice(DOCUMENTS), way)
    return "absent" if found is ABSENT else "found"


def documents(draw: random.Random) -> str:
    seed = draw.choice([json.dumps(draw.choice(DOCUMENTS)), '{"a": 1e999, "b": NaN, "c": [[[[]]]]}', "[" * 2000])
    payload = changed(draw, seed.encode()) if draw.random() < 0.8 else draw.randbytes(draw.randrange(40))
    try:
        document = read_document(payload, 1500)
    except BadPayload:
        return "refused"
    fields, _ = gather(document.items() if isinstance(document, dict) else [("x", document)])
    for value in fields.values():
        assert not isinstance(value, float) or math.isfinite(value)
        str(value).encode()
    return "read"


def templates(draw: random.Random) -> str:
    """Whatever is put in stays one part of the address, and no other place is meant."""
    template, key = parse_template(draw.choice(["/c/{key}", "/c/{key}/x", "/s?k={key}&n=2"]), ("key",)), text(draw, 40)
    try:
        filled = template.fill({"key": key})
    except ValueError:
        return "refused"
    parts = urlsplit(f"http://h{filled}")
    path = parts.path.split("/")
    assert filled.isascii() and filled.isprintable() and " " not in filled and not parts.fragment
    assert ".." not in path and "." not in path[1:] and "" not in path[1:]
    if parts.query:
        assert parts.query.startswith("k=") and parts.query.endswith("&n=2") and parts.query.count("&") == 1
        assert unquote(parts.query[2:-4]) == key
    else:
        assert unquote(path[2]) == key and len(path) == (4 if filled.endswith("/x") else 3)
    return "filled"


def addresses(draw: random.Random) -> str:
    made = changed(draw, draw.choice([b"https://stock.site:8443/api", b"http://[::1]:80/x", b"http://10.0.0.7"]))
    try:
        base = parse_base(made.decode("latin-1"))
        template = parse_template("/" + text(draw), ("key",))
    except ValueError:
        return "refused"
    assert base.host and 0 < base.port < 65_536 and base.authority.isascii() and " " not in str(base)
    assert len(template.texts) == len(template.holes) + 1
    return "taken"


class FromBytes:
    """A stream that gives these bytes in pieces, and then ends."""

    def __init__(self, draw: random.Random, content: bytes) -> None:
        self._draw, self._left = draw, content
        self.ended = False

    @property
    def is_quiet(self) -> bool:
        return not self._left and not self.ended

    async def read(self, most: int) -> bytes:
        size = min(most, self._draw.choice([1, 7, 1000]))
        piece, self._left = self._left[:size], self._left[size:]
        self.ended = not piece
        return piece

    async def write(self, data: bytes) -> None:
        assert data.startswith(b"GET /x HTTP/1.1\r\nHost: h\r\n")

    def close(self) -> None:
        self.ended = True


def answers(draw: random.Random) -> str:
    """Nothing but an answer or Broken; a connection with something left over is never used again."""
    content = b"".join(changed(draw, draw.choice(RESPONSES)) for _ in range(draw.choice([1, 1, 2])))
    stream = FromBytes(draw, content if draw.random() < 0.95 else draw.randbytes(200))
    exchanges = Exchanges(stream, "h")
    wants = draw.random() < 0.7
    try:
        answer = drive(exchanges.ask(Request("GET", "/x", wants_body=wants), 100))
    except Broken:
        assert not exchanges.is_usable
        return "broken"
    assert isinstance(answer, Answer) and 100 <= answer.status <= 999 and len(answer.body) <= 100
    assert not (exchanges.is_usable and stream._left)
    return "answered, kept" if exchanges.is_usable else "answered, given up"


def drive(coroutine: Any) -> Any:
    """Run what never really waits."""
    try:
        while True:
            coroutine.send(None)
    except StopIteration as ended:
        return ended.value


def topics(draw: random.Random) -> str:
    wanted = "/".join(draw.choice(["a", "b", "+", "#", "", "$s", text(draw, 4)]) for _ in range(draw.randrange(1, 5)))
    topic = "/".join(draw.choice(["a", "b", "", "$s", text(draw, 4)]) for _ in range(draw.randrange(1, 5)))
    if not is_a_filter(wanted):
        matches(wanted, topic)
        return "refused"
    covered = matches(wanted, topic)
    assert not (covered and topic.startswith("$") and not wanted.startswith("$"))
    return "covered" if covered else "not covered"


class Listening:
    """What a message input reports of hostile payloads."""

    def __init__(self) -> None:
        self.reports: list[Message] = []
        nothing: Any = None
        clock: Any = type("Clock", (), {"monotonic_ns": staticmethod(lambda: 1)})()
        own = {"device": "d", "points": [], "clock": clock, "entropy": nothing, "lines": nothing, "folder": nothing}
        self._arriving = Arriving(
            Context(**own, intents=nothing, report=self.reports.append, settled=nothing, say=lambda said: None)  # type: ignore[arg-type]
        )
        self._points = [
            MessagePoint(),
            MessagePoint(format="text"),
            MessagePoint(fields={"a": "/a/0", "b": "/c"}, key="/a"),
        ]

    def __call__(self, draw: random.Random) -> str:
        seed = draw.choice(
            [b'{"a": "x", "b": {"c": [1]}, "c": true}', b"Wo ist meine Karte?", b'{"a": ["k", 2], "c": 1e400}']
        )
        payload = changed(draw, seed)
        self.reports.clear()
        taken = self._arriving.take(
            "in", draw.choice(self._points), payload, draw.choice(["", "name", text(draw, 400)])
        )
        assert taken == bool(self.reports)
        for message in self.reports:
            assert 0 < len(message.key) <= 200
            assert all(isinstance(value, (str, int, float)) for value in message.body.values())
        return "taken" if taken else "refused"


TARGETS: dict[str, Callable[[random.Random], str]] = {
    "pointers": pointers,
    "documents": documents,
    "templates": templates,
    "addresses": addresses,
    "answers": answers,
    "topics": topics,
    "messages": Listening(),
}


def fuzz(name: str, seed: int, inputs: int) -> Counter[str]:
    """Give a target so many inputs; return how they ended. An exception is what was looked for, with its number."""
    draw, ends = random.Random(f"{name}/{seed}"), Counter[str]()
    for number in range(inputs):
        try:
            ends[TARGETS[name](draw)] += 1
        except Exception as error:
            raise AssertionError(f"{name}: input {number} of seed {seed}: {error!r}") from error
    return ends


def main() -> None:
    inputs = int(sys.argv[1])
    for name in TARGETS:
        began = time.perf_counter()
        ends = fuzz(name, 1, inputs)
        print(f"{name:<10} {inputs} inputs, {time.perf_counter() - began:.1f} s: {dict(ends)}", flush=True)


if __name__ == "__main__":
    asyncio.set_event_loop(asyncio.new_event_loop())
    main()
