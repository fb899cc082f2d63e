"""The network: TCP, and TLS over it, on this loop. Names are looked up by the loop's own threads."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from pathlib import Path
from typing import cast

from ripieno.contracts.site import Endpoint, Tls
from ripieno.errors import DeviceError

from .thread import OwnThread

BUFFER_BYTES = 256 * 1024  # of what has come and was not read: above it the peer is held back


class SystemNetwork:
    """Connections of this machine. See contracts.site.Network. A relative path of a certificate counts from `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._thread = OwnThread("tls files")

    async def connect(self, endpoint: Endpoint) -> TcpStream:
        """Connect; the peer's certificate and name are verified."""
        context = None
        if (tls := endpoint.tls) is not None:
            try:
                context = await self._thread.run(lambda: client_context(tls, self._root))  # files: not on the loop
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                raise DeviceError(f"{endpoint}: {_files(tls)}: {error}; correct them") from error
        loop = asyncio.get_running_loop()
        try:
            _, stream = await loop.create_connection(TcpStream, endpoint.host, endpoint.port, ssl=context)
        except (OSError, UnicodeError) as error:
            raise DeviceError(f"{endpoint}: {_mended(error)}") from error
        stream.name = str(endpoint)
        return stream


class TcpStream(asyncio.Protocol):
    """See contracts.site.Stream."""

    def __init__(self) -> None:
        self.name = ""
        self._transport: asyncio.Transport | None = None
        self._chunks: deque[bytes] = deque()
        self._held = 0
        self._is_paused = self._is_ended = self._is_closed = False
        self._why = ""
        self._came: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def is_quiet(self) -> bool:
        """Whether it is open and everything was read."""
        return not (self._chunks or self._is_ended or self._is_closed)

    async def read(self, most: int) -> bytes:
        """Return what has come."""
        while not self._chunks:
            if self._why:
                raise DeviceError(f"{self.name}: {self._why}")
            if self._is_closed:
                raise DeviceError(f"{self.name}: closed")
            if self._is_ended:
                return b""
            self._came = asyncio.get_running_loop().create_future()
            try:
                await self._came
            finally:
                self._came = None
        chunk = self._chunks.popleft()
        if len(chunk) > most:
            self._chunks.appendleft(chunk[most:])
            chunk = chunk[:most]
        self._held -= len(chunk)
        if self._is_paused and self._held < BUFFER_BYTES // 2 and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        return chunk

    async def write(self, data: bytes) -> None:
        """Write, and wait while the peer takes nothing."""
        if self._is_closed or self._transport is None or self._transport.is_closing():
            raise DeviceError(f"{self.name}: {self._why or 'closed'}")
        self._transport.write(data)
        if self._room is not None:
            await asyncio.shield(self._room)
        if self._why:
            raise DeviceError(f"{self.name}: {self._why}")

    def close(self) -> None:
        """Drop the connection; what was not sent is not sent."""
        if not self._is_closed:
            self._is_closed = True
            self._chunks.clear()
            if self._transport is not None:
                self._transport.abort()
            self._wake()

    # what asyncio tells

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by what it does, not by its class

    def data_received(self, data: bytes) -> None:
        """Keep what came; too much of it holds the peer back."""
        if self._is_closed:
            return
        self._chunks.append(bytes(data))
        self._held += len(data)
        if self._held > BUFFER_BYTES and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        if self._came is not None and not self._came.done():
            self._came.set_result(None)

    def eof_received(self) -> bool:
        """The peer sends no more."""
        self._is_ended = True
        self._wake()
        return False

    def connection_lost(self, error: Exception | None) -> None:
        """It is over."""
        self._is_ended = True
        if error is not None and not self._why:
            self._why = _mended(error)
        self._wake()

    def pause_writing(self) -> None:
        """The peer takes nothing now."""
        if self._room is None:
            self._room = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """It takes more again."""
        room, self._room = self._room, None
        if room is not None and not room.done():
            room.set_result(None)

    def _wake(self) -> None:
        if self._came is not None and not self._came.done():
            self._came.set_result(None)
        self.resume_writing()


def client_context(tls: Tls, root: Path) -> ssl.SSLContext:
    """Return a context that verifies the peer and its name; TLS 1.2 or newer.

    Raises:
        OSError: a file is missing, or is not what it should be.
    """
    context = ssl.create_default_context(cafile=str(root / tls.ca_file) if tls.ca_file else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if tls.certificate_file:
        context.load_cert_chain(root / tls.certificate_file, root / tls.key_file)
    return context


def _files(tls: Tls) -> str:
    return ", ".join(one for one in (tls.ca_file, tls.certificate_file, tls.key_file) if one) or "certificates"


def _mended(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not right: {error.verify_message}; name who vouches for it in ca_file"
    if isinstance(error, ssl.SSLError):
        return f"no TLS: {error.reason or error}; is it https at all?"
    if isinstance(error, socket.gaierror):
        return f"the name is not known ({error.strerror}); correct it, or ask who runs the network"
    if isinstance(error, ConnectionRefusedError):
        return "nobody listens there; is the service running?"
    if isinstance(error, ConnectionResetError):
        return "it has reset the connection"
    if isinstance(error, UnicodeError):
        return "it is no host name"
    return (error.strerror if isinstance(error, OSError) else "") or str(error) or type(error).__name__
