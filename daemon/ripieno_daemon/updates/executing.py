"""The orders about updates, done by an updater: executors for the desk (orders/executors.py).

plan   {bundle: "DIGEST:BYTES"}   digest of the release, bytes of its head (`ripieno bundle verify` prints the first)
apply  {plan: HASH}               what the answer to `plan` said; the update goes on after the answer
cancel {id: 32 bytes}             the digest of a release that is being pulled
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ..orders.executors import NotDone
from .slots import Refused
from .updater import Updater

DIGEST_LETTERS: Final = 64


class Planning:
    """Does `plan`."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: with the reason of the refusal."""
        digest, _, size = str(args["bundle"]).partition(":")
        is_hex = len(digest) == DIGEST_LETTERS and all(letter in "0123456789abcdef" for letter in digest)
        if not is_hex or not size.isdecimal() or len(size) > 9:
            raise NotDone("arguments", "a bundle is named DIGEST:BYTES, 64 hex letters and the bytes of its head")
        tell("fetching the index")
        try:
            return await self._updater.plan(digest, int(size))
        except Refused as error:
            raise NotDone(error.reason, str(error)) from error


class Applying:
    """Does `apply`."""

    def __init__(self, updater: Updater) -> None:
        self._updater = updater

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: with the reason of the refusal."""
        try:
            return await self._updater.apply(str(args["plan"]))
        except Refused as error:
            raise NotDone(error.reason, str(error)) from error


class Cancelling:
    """Does `cancel` of what is no order: an update that is being pulled. `updaters`: those of this device."""

    def __init__(self, updaters: Callable[[], Iterable[Updater]]) -> None:
        self._updaters = updaters

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: nothing of this name is under way, or it is past pulling."""
        wanted = args["id"].hex()
        for updater in self._updaters():
            told = updater.status()
            if wanted and wanted in (told["arriving"], told["trial"]):
                try:
                    return {"was": told["phase"], "release": updater.cancel()}
                except Refused as error:
                    raise NotDone(error.reason, str(error)) from error
        raise NotDone("unknown", f"no order and no update {wanted[:64]} waits or runs here")
