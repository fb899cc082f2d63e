"""A service that is kept within reach: one connection, opened again on a ladder, used by one request at a time.

Down is said when nobody can connect, or when three requests in a row had no answer that means anything; up, when the
connection stands again, or with the next answer that does.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final

from ripieno.contracts.driver import Context
from ripieno.errors import DeviceError, LinkDown, StorageError
from ripieno_drivers.serial_line import Standing

from .exchange import Answer, Broken, Exchanges, Headers, Request
from .settings import HttpSettings, is_a_header_value

RETRY_S: Final = (0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
FAILURES: Final = 3
LONGEST_SECRET: Final = 8192
LONGEST_REASON: Final = 80
BEARER: Final = "Bearer "
MASK: Final = "(secret)"


class Unreachable(DeviceError):
    """There is no connection, so nothing was sent."""


class HttpService:
    """One service. `run` keeps it within reach; `ask` may be called by many and serves one after the other."""

    def __init__(self, settings: HttpSettings, context: Context) -> None:
        self._settings, self._context = settings, context
        self._base, self._endpoint = settings.base, settings.endpoint
        self._standing = Standing(context)
        self._turn = asyncio.Lock()
        self._exchanges: Exchanges | None = None
        self._secrets: Headers = ()
        self._reachable, self._lost, self._closed = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._failures = 0
        self._is_old = False
        self.why = "it is not reached yet"

    @property
    def path(self) -> str:
        """What every target begins with."""
        return self._base.path

    @property
    def is_reachable(self) -> bool:
        """Whether the last attempt to connect succeeded."""
        return self._reachable.is_set()

    async def run(self) -> None:
        """Connect, and connect again when that is lost, until cancelled.

        Raises:
            DeviceError: the host has no network.
        """
        if self._context.network is None:
            raise DeviceError(f"{self._context.device}: {self._base} needs a network, and this host offers none")
        failures = 0
        try:
            while True:
                self._lost.clear()
                try:
                    async with self._turn:
                        await self._connected()
                except Unreachable as error:
                    self._unreachable(str(error))
                    await self._context.clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
                    failures += 1
                    continue
                failures = 0
                self._reachable.set()
                if self._failures < FAILURES:
                    self._standing.up()
                await self._lost.wait()
        finally:
            self.why = "it is closed"
            self._closed.set()
            self._give_up()
            self._reachable.set()  # who waits learns from `ask` that it is closed

    async def reached(self) -> None:
        """Wait until a request has somewhere to go."""
        await self._reachable.wait()

    async def pause(self, seconds: float) -> None:
        """Wait so long, or until `run` has ended."""
        try:
            async with asyncio.timeout(seconds):
                await self._closed.wait()
        except TimeoutError:
            pass  # the time is over, which is what was waited for

    async def rest(self, seconds: float) -> None:
        """Let nobody ask for so long: the service has too much to do."""
        async with self._turn:
            await self.pause(seconds)

    async def ask(self, request: Request) -> Answer:
        """Return the answer to a request that may be sent twice: where a kept connection turns out to have been closed
        by the service, it is sent again on a new one.

        Raises:
            LinkDown: `run` has ended.
            Unreachable: nobody could be connected to.
            Broken: it was sent, and no whole answer came in time.
        """
        async with self._turn:
            while True:
                self._refuse_closed()
                try:
                    exchanges = await self._connected()
                except Unreachable as error:
                    self._unreachable(str(error))
                    self._lost.set()
                    raise
                self._refuse_closed()
                was_used = exchanges.was_used
                try:
                    return await self._within(exchanges, request)
                except Broken as error:
                    if not (was_used and error.was_silent):
                        raise

    def renew(self) -> None:
        """Take a new connection for the next request, with secrets read anew: the service did not like ours."""
        self._is_old = True

    def meant_something(self) -> None:
        """An answer was what a service at work says."""
        self._failures = 0
        if self.is_reachable and not self._closed.is_set():
            self._standing.up()

    def meant_nothing(self, why: str) -> None:
        """A request had no answer, or one that says that the service does not work."""
        self._failures += 1
        if self._failures >= FAILURES and not self._closed.is_set():
            self._standing.down(f"{self._base}: {why}")

    async def _within(self, exchanges: Exchanges, request: Request) -> Answer:
        limit_s = self._settings.answer_s
        try:
            async with asyncio.timeout(limit_s):
                return self._masked(await exchanges.ask(self._complete(request), self._settings.largest_bytes))
        except TimeoutError:
            if exchanges.begun is not None and not request.wants_body:
                return self._masked(exchanges.begun)
            raise Broken(f"no answer within {limit_s:g} s", False) from None
        finally:
            if not exchanges.is_usable:  # broken, cancelled, or the service wants to close it
                self._give_up()

    def _masked(self, answer: Answer) -> Answer:
        """Return an answer without our secrets: services repeat what they refuse, and answers are logged."""
        reason, body = answer.reason, answer.body
        for _, value in self._secrets:
            secret = value.removeprefix(BEARER)
            reason = reason.replace(secret, MASK)
            if secret.encode() in body:
                body = body.replace(secret.encode(), MASK.encode())
        return replace(answer, reason=reason[:LONGEST_REASON], body=body)

    def _complete(self, request: Request) -> Request:
        fixed = (("Accept-Encoding", "identity"), *self._settings.headers.items(), *self._secrets)
        target = f"{self._base.path}{request.target}"
        return Request(request.method, target, (*fixed, *request.headers), request.body, request.wants_body)

    async def _connected(self) -> Exchanges:
        if self._exchanges is not None and (self._is_old or not self._exchanges.is_usable):
            self._give_up()
        if self._exchanges is None:
            assert self._context.network is not None
            self._secrets, self._is_old = await self._read_secrets(), False
            try:
                async with asyncio.timeout(self._settings.connect_s):
                    stream = await self._context.network.connect(self._endpoint)
            except TimeoutError:
                limit = f"{self._endpoint}: no connection within {self._settings.connect_s:g} s"
                raise Unreachable(f"{limit}; is it switched on, and does a firewall let us through?") from None
            except DeviceError as error:
                raise Unreachable(str(error)) from error
            self._exchanges = Exchanges(stream, self._base.authority)
        return self._exchanges

    async def _read_secrets(self) -> Headers:
        settings = self._settings
        wanted = [(name, path, "") for name, path in settings.secret_headers.items()]
        wanted += [("Authorization", settings.token_file, BEARER)] if settings.token_file else []
        secrets = []
        for name, path, before in wanted:
            if self._context.files is None:
                raise Unreachable(f"{path}: this host offers no files to read secrets from")
            try:
                found = await self._context.files.read(path, LONGEST_SECRET + 1)
            except StorageError as error:
                raise Unreachable(str(error)) from error
            text = found.content.decode("ascii", "replace").strip() if found is not None else ""
            if not text or len(text) > LONGEST_SECRET or not is_a_header_value(text):
                raise Unreachable(f"{path}: should hold the value of the header {name} in one line of ASCII")
            secrets.append((name, before + text))
        return tuple(secrets)

    def _refuse_closed(self) -> None:
        if self._closed.is_set():
            self._give_up()  # connected while `run` ended
            raise LinkDown(f"{self._context.device}: it is closed")

    def _unreachable(self, why: str) -> None:
        if self._closed.is_set():
            return
        self._reachable.clear()
        self.why = why
        self._standing.down(why)

    def _give_up(self) -> None:
        if self._exchanges is not None:
            self._exchanges.close()
            self._exchanges = None
