"""The orders about updates, done by those of a device: executors for the desk (orders/executors.py).

plan   {bundle: "DIGEST:BYTES"}   digest of the release, bytes of its head (`ripieno bundle verify` prints the first)
apply  {plan: HASH}               what the answer to `plan` said; the update goes on after the answer
cancel {id: 32 bytes}             the digest of a release that is under way
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from ..orders.executors import NotDone
from .slots import Refused
from .updates import Updates

DIGEST_LETTERS: Final = 64


class Planning:
    """Does `plan`."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: with the reason of the refusal."""
        digest, _, size = str(args["bundle"]).partition(":")
        is_hex = len(digest) == DIGEST_LETTERS and all(letter in "0123456789abcdef" for letter in digest)
        if not is_hex or not size.isdecimal() or len(size) > 9:
            raise NotDone("arguments", "a bundle is named DIGEST:BYTES, 64 hex letters and the bytes of its head")
        tell("fetching the index")
        try:
            return await self._updates.plan(digest, int(size))
        except Refused as error:
            raise NotDone(error.reason, str(error)) from error


class Applying:
    """Does `apply`."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: with the reason of the refusal."""
        try:
            return await self._updates.apply(str(args["plan"]))
        except Refused as error:
            raise NotDone(error.reason, str(error)) from error


class Cancelling:
    """Does `cancel` of what is no order: an update that is under way."""

    def __init__(self, updates: Updates) -> None:
        self._updates = updates

    async def __call__(self, args: Mapping[str, Any], tell: Callable[[str], None]) -> Mapping[str, Any]:
        """Raises NotDone: nothing of this name is under way, or it can no more be given up."""
        wanted = args["id"].hex()
        for one in self._updates.by_name.values():
            told = one.status()
            if wanted and wanted in (told["arriving"], told["trial"]):
                try:
                    return {"was": told["phase"], "release": one.cancel()}
                except Refused as error:
                    raise NotDone(error.reason, str(error)) from error
        raise NotDone("unknown", f"no order and no update {wanted[:64]} waits or runs here")
