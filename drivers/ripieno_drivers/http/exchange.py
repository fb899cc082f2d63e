"""One HTTP/1.1 connection: a request out, an answer in. h11 knows the protocol, the stream has the bytes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import h11

from ripieno.contracts.site import Stream
from ripieno.errors import DeviceError

READ_BYTES: Final = 65_536
LARGEST_HEAD: Final = 16_384
MOST_INTERIM: Final = 8
Headers = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Request:
    """What is asked. `headers` without Host and Content-Length; `wants_body`: False where the status says it all."""

    method: str
    target: str
    headers: Headers = ()
    body: bytes = b""
    wants_body: bool = True


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; header names are lower case."""

    status: int
    reason: str
    headers: Headers
    body: bytes

    def header(self, name: str) -> str:
        """Return the first header of this name, "" for none."""
        return next((value for one, value in self.headers if one == name), "")

    def __str__(self) -> str:
        return f"{self.status} {self.reason}".rstrip()


class Broken(DeviceError):
    """No whole answer came. `was_silent`: not one byte of it, as where the peer had closed the connection before."""

    def __init__(self, message: str, was_silent: bool) -> None:
        self.was_silent = was_silent
        super().__init__(message)


class Exchanges:
    """A connection that is used for one request after the other. `host`: the Host header."""

    def __init__(self, stream: Stream, host: str) -> None:
        self._stream, self._host = stream, host
        self._http = h11.Connection(h11.CLIENT, max_incomplete_event_size=LARGEST_HEAD)
        self._used = False
        self.begun: Answer | None = None
        """The head of an answer whose body has not come yet."""

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent: the last one was answered, and nothing came that nobody asked for."""
        return self._http.our_state is h11.IDLE and self._stream.is_quiet

    @property
    def was_used(self) -> bool:
        """Whether a request was answered on it."""
        return self._used

    async def ask(self, request: Request, largest: int) -> Answer:
        """Send the request and return the whole answer. To be called only while `is_usable`.

        Where the request wants no body, what is wrong with the body does not matter: it is b"" then.

        Raises:
            Broken: the connection broke, the answer is no HTTP, or its body has more than `largest` bytes.
        """
        self.begun = None
        try:
            answer = await self._ask(request, largest)
        except Broken:
            if self.begun is None or request.wants_body:
                raise
            answer = self.begun
        self.begun = None
        return answer

    async def _ask(self, request: Request, largest: int) -> Answer:
        heard = 0
        try:
            await self._stream.write(self._written(request))
            body, interim = bytearray(), 0
            while True:
                event = self._http.next_event()
                if event is h11.NEED_DATA:
                    received = await self._stream.read(READ_BYTES)
                    heard += len(received)
                    if not received and self.begun is None:
                        raise Broken("the connection was closed before the answer", not heard)
                    self._http.receive_data(received)
                elif isinstance(event, h11.InformationalResponse):
                    interim += 1
                    if interim > MOST_INTERIM:
                        raise Broken("it sends interim answers without end", False)
                elif isinstance(event, h11.Response):
                    self.begun = _head(event)
                elif isinstance(event, h11.Data):
                    body += event.data
                    if len(body) > largest:
                        raise Broken(f"its answer has more than {largest} bytes", False)
                elif isinstance(event, h11.EndOfMessage) and self.begun is not None:
                    self._go_on()
                    return replace(self.begun, body=bytes(body))
                else:
                    raise Broken("the connection was closed before the answer", not heard)
        except h11.RemoteProtocolError as error:
            cut = "the connection was closed in mid-answer" if "closed" in str(error) else f"no HTTP came: {error}"
            raise Broken(cut, False) from error
        except Broken:
            raise
        except DeviceError as error:
            raise Broken(str(error), not heard) from error

    def close(self) -> None:
        """Give the connection up."""
        self._stream.close()

    def _written(self, request: Request) -> bytes:
        headers = [("Host", self._host), *request.headers]
        if request.body or request.method in ("POST", "PUT"):
            headers.append(("Content-Length", str(len(request.body))))
        http = self._http
        written = http.send(h11.Request(method=request.method, target=request.target, headers=headers)) or b""
        if request.body:
            written += http.send(h11.Data(data=request.body)) or b""
        return written + (http.send(h11.EndOfMessage()) or b"")

    def _go_on(self) -> None:
        """Make ready for the next request, where both sides agree on one and nothing is left over."""
        if self._http.our_state is h11.DONE and self._http.their_state is h11.DONE and not self._http.trailing_data[0]:
            self._http.start_next_cycle()
            self._used = True


def _head(response: h11.Response) -> Answer:
    headers = tuple((name.decode("ascii"), value.decode("latin-1")) for name, value in response.headers)
    return Answer(response.status_code, response.reason.decode("latin-1"), headers, b"")
