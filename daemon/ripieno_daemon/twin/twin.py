"""The way of a desired document: size, signature, for this device, revision, whole validation, applied, reported.

A lower revision than the one in force is ignored; the same revision with other content is an alarm, because two
people wrote it. The document in force is kept on the disk and is what a start begins with: a broker only brings news.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final, Protocol

from ripieno.contracts.ports import Clock, Database, Transaction
from ripieno.errors import RipienoError, StorageError

from ..fleet.envelope import BadEnvelope, decode
from ..packed import pack, unpack
from ..seldom import is_said
from ..trust import BadSeal, Policy, parse_sealed, signers
from ..trust.sealed import DESIRED
from .document import MAX_BYTES, BadDocument, Desired, digest_of, parse_desired

KIND: Final = "desired"
"""What a key must be allowed in the policy to write documents."""
MAX_MESSAGE_BYTES: Final = MAX_BYTES + 4096
MAX_REASON: Final = 300
RETRY_S: Final = 1.0
_SCHEMA: Final = "CREATE TABLE IF NOT EXISTS twin (one INTEGER PRIMARY KEY CHECK (one = 1), content BLOB NOT NULL)"


class Settings(Protocol):
    """What a device can be told: one validator of whole documents, one way to apply one."""

    def problems(self, values: Mapping[str, Any]) -> Mapping[str, str]:
        """Return what is wrong by key, an unknown or missing key too; empty: it may be applied. Changes nothing."""

    async def apply(self, values: Mapping[str, Any]) -> None:
        """Put all of it in force at the next decision boundary, or none of it.

        Raises:
            RipienoError: it cannot be; what was in force still is.
        """

    def effective(self) -> Mapping[str, Any]:
        """Return the values in force, with what a person changed at the device."""


class Twin:
    """The twin of one device. Open with `Twin.open`; `run()` is a task; the rest is called on the loop.

    `report_soon` is set by who has the broker: called when `report` has changed.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        device: str,
        settings: Settings,
        policy: Callable[[], Policy],
        say: Callable[[str], None],
        applied: Desired,
    ) -> None:
        self._database, self._clock, self._device = database, clock, device
        self._settings, self._policy, self._say = settings, policy, say
        self._turn = asyncio.Lock()  # a document and an order do not apply at once
        self._inbox: asyncio.Queue[tuple[Desired, Callable[[], None]]] = asyncio.Queue()  # a broker keeps one
        self.applied = applied
        self._outcome: dict[str, Any] = {"rev": applied.rev, "status": "applied", "reasons": {}}
        self.report_soon: Callable[[], None] = lambda: None
        self.counts: Counter[str] = Counter()

    @classmethod
    async def open(
        cls,
        database: Database,
        clock: Clock,
        device: str,
        settings: Settings,
        policy: Callable[[], Policy],
        say: Callable[[str], None] = lambda _text: None,
    ) -> Twin:
        """Read the document in force; `applied.rev` 0: none yet.

        Raises:
            StorageError: the disk refused.
        """

        def read(tx: Transaction) -> bytes:
            tx.execute(_SCHEMA)
            found = tx.execute("SELECT content FROM twin").fetchone()
            return found[0] if found else b""

        content = await database.write(read)
        applied = Desired(device, 0, {})
        if content:
            plain = unpack(content, MAX_MESSAGE_BYTES)
            applied = Desired(device, plain["rev"], plain["values"], plain["digest"])
        return cls(database, clock, device, settings, policy, say, applied)

    def take(self, payload: bytes, ack: Callable[[], None]) -> None:
        """Take a message of the desired topic. An empty one takes the retained document away and changes nothing."""
        if not payload:
            ack()
            return
        try:
            desired = self._read(payload)
        except (BadEnvelope, BadSeal, BadDocument) as error:
            self.counts[error.reason] += 1
            if is_said(self.counts[error.reason]):
                self._say(f"desired settings refused ({error.reason}, {self.counts[error.reason]}): {error}")
            ack()
            return
        self._inbox.put_nowait((desired, ack))

    async def run(self) -> None:
        """Validate and apply what comes until cancelled."""
        while True:
            desired, ack = await self._inbox.get()
            async with self._turn:
                await self._consider(desired)
            ack()
            self.report_soon()

    async def change(self, values: Mapping[str, Any]) -> Mapping[str, Any]:
        """Apply some values over those in force, as the document of the next revision; return what is reported then.

        Values that are in force already change nothing: done twice it is as done once.

        Raises:
            BadDocument: `settings`: what is wrong, by key, or too large; nothing was changed.
        """
        async with self._turn:
            effective = self._settings.effective()
            if any(key not in effective or effective[key] != value for key, value in values.items()):
                whole = Desired(self._device, self.applied.rev + 1, {**effective, **values})
                await self._consider(replace(whole, digest=digest_of(whole)))
                self.report_soon()
                if self._outcome["status"] != "applied":
                    wrong = "; ".join(f"{key}: {why}" if key else why for key, why in self._outcome["reasons"].items())
                    raise BadDocument("settings", wrong)
            return self.report()

    def report(self) -> dict[str, Any]:
        """Return what is reported: the last document's outcome, the values in force, and which of them are local."""
        effective = dict(self._settings.effective())
        wanted = self.applied.values
        return {
            **self._outcome,
            "applied": self.applied.rev,
            "digest": self.applied.digest,
            "effective": effective,
            "local": sorted(key for key, value in wanted.items() if effective.get(key) != value),
        }

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()

    def _read(self, payload: bytes) -> Desired:
        envelope = decode(payload, MAX_MESSAGE_BYTES)
        if envelope.type != KIND:
            raise BadDocument("type", f"a message of type {envelope.type!r}; {KIND!r} was expected")
        sealed = parse_sealed(envelope.body)
        policy = self._policy()
        keys = signers(DESIRED, sealed, policy.publics)
        desired = parse_desired(sealed.payload)
        if desired.device != self._device:
            raise BadDocument("target", f"a document for {desired.device}; this is {self._device}")
        able = [key for key in keys if policy.allows(key, KIND, self._device)]
        if len(able) < policy.keys_needed(KIND):
            raise BadDocument("not-allowed", f"the policy does not let key {keys[0]} set what {self._device} should be")
        return desired

    async def _consider(self, desired: Desired) -> None:
        applied = self.applied
        if desired.rev < applied.rev:
            self.counts["old"] += 1
            return
        if desired.rev == applied.rev:
            if desired.digest != applied.digest:
                self.counts["conflict"] += 1
                self._say(f"ALARM two different documents have revision {desired.rev}; the first stays in force")
                self._settle(desired, "rejected", {"": f"another document has revision {desired.rev}"})
            return
        problems = self._settings.problems(desired.values)
        if problems:
            self._settle(desired, "rejected", problems)
            return
        self._settle(desired, "pending", {})
        self.report_soon()
        try:
            await self._settings.apply(desired.values)
        except RipienoError as error:
            self._settle(desired, "rejected", {"": str(error)})
            return
        self.applied = desired
        self._settle(desired, "applied", {})
        await self._keep(desired)

    def _settle(self, desired: Desired, status: str, reasons: Mapping[str, str]) -> None:
        self.counts[status] += 1
        short = {key: text[:MAX_REASON] for key, text in reasons.items()}
        self._outcome = {"rev": desired.rev, "status": status, "reasons": short}
        if status != "pending":
            why = "; ".join(f"{key}: {text}" if key else text for key, text in short.items())
            self._say(f"desired settings {desired.rev}: {status}{': ' + why if why else ''}")

    async def _keep(self, desired: Desired) -> None:
        """Keep what is in force. Until the disk takes it, a restart begins with the one before and gets this again."""
        content = pack({"rev": desired.rev, "digest": desired.digest, "values": desired.values}, MAX_MESSAGE_BYTES)

        def write(tx: Transaction) -> None:
            tx.execute("INSERT OR REPLACE INTO twin VALUES (1, ?)", (content,))

        in_trouble = False
        while True:
            try:
                await self._database.write(write)
                return
            except StorageError as error:
                if not in_trouble:
                    self._say(f"ALARM the settings in force are not durable: {error}")
                in_trouble = True
                await self._clock.sleep(RETRY_S)
