"""A small RTSP server (RFC 2326) that sends MJPEG (RFC 2435) inside the RTSP connection: a network camera for tests.

It can go away (`stop`), come back (`start`, same port), and fall silent with its connections open (`is_silent`).
"""

from __future__ import annotations

import asyncio
import itertools
import struct
from collections.abc import Callable

import cv2
import numpy as np

CLOCK_HZ = 90_000
PACKET_BYTES = 1400
SDP = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=test\r\nt=0 0\r\nm=video 0 RTP/AVP 26\r\na=control:track1\r\n"


class RtspServer:
    """Serves what `picture(number)` gives at `rate_hz` to each client that plays. `stamp(number)`: its time stamp."""

    def __init__(
        self,
        picture: Callable[[int], np.ndarray],
        rate_hz: float = 25.0,
        stamp: Callable[[int], int] | None = None,
    ) -> None:
        self._picture, self._rate_hz = picture, rate_hz
        self._stamp = stamp or (lambda number: int(number * CLOCK_HZ / rate_hz))
        self.played = 0
        self._server: asyncio.Server | None = None
        self._clients: set[asyncio.Task[None]] = set()
        self.port = 0
        self.is_silent = False
        self.connections = 0

    @property
    def url(self) -> str:
        return f"rtsp://127.0.0.1:{self.port}/stream"

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for client in list(self._clients):
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self.connections += 1
        playing: asyncio.Task[None] | None = None
        try:
            while (request := await _request(reader)) is not None:
                method, sequence = request
                writer.write(self._answer(method, sequence))
                await writer.drain()
                if method == "PLAY":
                    playing = asyncio.create_task(self._play(writer))
                if method == "TEARDOWN":
                    break
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            if playing is not None:
                playing.cancel()
            writer.transport.abort()
            self._clients.discard(task)

    def _answer(self, method: str, sequence: str) -> bytes:
        head, body = f"RTSP/1.0 200 OK\r\nCSeq: {sequence}\r\n", ""
        if method == "OPTIONS":
            head += "Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN, GET_PARAMETER\r\n"
        elif method == "DESCRIBE":
            body = SDP
            head += f"Content-Base: {self.url}/\r\nContent-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif method == "SETUP":
            head += "Transport: RTP/AVP/TCP;unicast;interleaved=0-1\r\nSession: 7\r\n"
        else:
            head += "Session: 7\r\n"
        return f"{head}\r\n{body}".encode()

    async def _play(self, writer: asyncio.StreamWriter) -> None:
        packet = itertools.count(1)
        for number in itertools.count():
            await asyncio.sleep(1 / self._rate_hz)
            if self.is_silent:
                continue
            stamp, self.played = self._stamp(number) & 0xFFFF_FFFF, number
            for payload, is_last in rtp_jpeg(self._picture(number)):
                rtp = struct.pack(">BBHII", 0x80, 26 | is_last << 7, next(packet) & 0xFFFF, stamp, 1) + payload
                writer.write(b"$\0" + struct.pack(">H", len(rtp)) + rtp)
            await writer.drain()


async def _request(reader: asyncio.StreamReader) -> tuple[str, str] | None:
    """Return method and CSeq of the next request; what the client sends inside the connection (RTCP) is skipped."""
    while True:
        first = await reader.read(1)
        if not first:
            return None
        if first == b"$":
            size = struct.unpack(">xH", await reader.readexactly(3))[0]
            await reader.readexactly(size)
            continue
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode()
        lines = head.split("\r\n")
        named = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines[1:]}
        if "content-length" in named:
            await reader.readexactly(int(named["content-length"]))
        return lines[0].split(" ")[0], named.get("cseq", "0")


def rtp_jpeg(picture: np.ndarray) -> list[tuple[bytes, bool]]:
    """Return the RTP payloads of a picture, and which is the last."""
    height, width = picture.shape[:2]
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 80])[1].tobytes()
    tables, scan = _tables_and_scan(encoded)
    payloads = []
    for at in range(0, len(scan), PACKET_BYTES):
        # type 1: 4:2:0, as OpenCV writes; Q 255: the tables come with the first packet of each picture
        head = struct.pack(">BBHBBBB", 0, at >> 16, at & 0xFFFF, 1, 255, width // 8, height // 8)
        if at == 0:
            head += struct.pack(">BBH", 0, 0, len(tables)) + tables
        payloads.append((head + scan[at : at + PACKET_BYTES], at + PACKET_BYTES >= len(scan)))
    return payloads


def _tables_and_scan(encoded: bytes) -> tuple[bytes, bytes]:
    """Return the two quantisation tables and the entropy-coded scan of a baseline JPEG (ITU T.81 annex B)."""
    tables, at = b"", 2
    while True:
        marker, size = encoded[at + 1], int.from_bytes(encoded[at + 2 : at + 4], "big")
        if marker == 0xDB:
            segment = encoded[at + 4 : at + 2 + size]
            while segment:
                tables, segment = tables + segment[1:65], segment[65:]
        at += 2 + size
        if marker == 0xDA:
            return tables, encoded[at : encoded.rindex(b"\xff\xd9")]
