"""What travels while a bundle is pulled: requests up, pieces down, as bodies of envelopes.

    get   {h: digest, o: offset, n: bytes}              h: of a chunk (o 0, n its size), or of a release's index
    blk   {h: digest, o: offset, b: bytes, t: total}    t: bytes of the whole chunk or head
    none  {h: digest, why: text}                        nobody has it here

A head (index and signatures) is asked for by its release's digest, in pieces; a chunk by its own. Whoever answers need
not be trusted: signature and digests decide.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from ripieno.errors import RipienoError

from ..bundles.release import CHUNK_BYTES, DIGEST_BYTES

GET, BLOCK, NONE = "get", "blk", "none"
MAX_OFFSET: Final = 1 << 40


class BadPiece(RipienoError):
    """A body that is none of these; it is counted, and nothing happens."""


@dataclass(frozen=True, slots=True)
class Get:
    """A request: at most CHUNK_BYTES of something, from `offset` on."""

    digest: bytes
    offset: int
    size: int

    def to_plain(self) -> dict[str, Any]:
        """Return the body."""
        return {"h": self.digest, "o": self.offset, "n": self.size}


@dataclass(frozen=True, slots=True)
class Block:
    """An answer. `total`: bytes of the whole of it."""

    digest: bytes
    offset: int
    content: bytes
    total: int

    def to_plain(self) -> dict[str, Any]:
        """Return the body."""
        return {"h": self.digest, "o": self.offset, "b": self.content, "t": self.total}


def parse_get(body: Mapping[str, Any]) -> Get:
    """Raises BadPiece."""
    match body:
        case {"h": bytes(digest), "o": int(offset), "n": int(size)} if (
            len(digest) == DIGEST_BYTES and 0 <= offset <= MAX_OFFSET and 0 < size <= CHUNK_BYTES
        ):
            return Get(digest, offset, size)
    raise BadPiece("a request is {h: digest, o: offset, n: 1 to 32768}")


def parse_block(body: Mapping[str, Any]) -> Block:
    """Raises BadPiece."""
    match body:
        case {"h": bytes(digest), "o": int(offset), "b": bytes(content), "t": int(total)} if (
            len(digest) == DIGEST_BYTES and 0 <= offset <= MAX_OFFSET and 0 < len(content) <= CHUNK_BYTES
        ):
            return Block(digest, offset, content, total)
    raise BadPiece("a block is {h: digest, o: offset, b: 1 to 32768 bytes, t: total}")
