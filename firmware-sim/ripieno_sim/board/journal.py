"""What a board remembers through a warm reset: 256 answers, the highest id, edge counters, and a random epoch.

It is one block of RAM, read back byte by byte after a reset (docs/link-protocol.md, section 5, rule 3):

    header    magic u32 | epoch u32 | last_cmd_id u32 | forgotten u32 | slot u32 | edges 16 x u32 | crc u32
    entry     cmd_id u32 | status u8 | 3 zero | args_crc u32 | t_actual_us u32 | count i32 | crc u32     (256 times)

Every entry has a CRC of its own. An entry that fails it may have been any id, so from then on every id without a
stored answer is FORGOTTEN, not NONE.
"""

import random
import zlib
from dataclasses import dataclass
from struct import Struct

from ripieno_sim.codec import Status

__all__ = ["INPUTS", "RING", "Entry", "Journal"]

RING = 256
INPUTS = 16
_MAGIC = 0x52495031
_HEADER = Struct(f"<5I{INPUTS}I")
_ENTRY = Struct("<IB3xIIi")
_CRC_BYTES = 4
_HEAD_BYTES = _HEADER.size + _CRC_BYTES
_ENTRY_BYTES = _ENTRY.size + _CRC_BYTES


@dataclass(slots=True)
class Entry:
    """One stored answer; `t_actual_us` and `count` as the wire carries them."""

    cmd_id: int
    status: int
    args_crc: int
    t_actual_us: int
    count: int
    slot: int


def _seal(body: bytes) -> bytes:
    return body + zlib.crc32(body).to_bytes(_CRC_BYTES, "little")


def _unseal(sealed: bytes) -> bytes | None:
    body = sealed[:-_CRC_BYTES]
    return body if zlib.crc32(body).to_bytes(_CRC_BYTES, "little") == sealed[-_CRC_BYTES:] else None


class Journal:
    """The journal as the running firmware sees it; `ram` is what is left of it after a reset.

    Args:
        ram: kept memory, or None after power was lost.
        entropy: where a new epoch comes from.
    """

    def __init__(self, ram: bytearray | None, entropy: random.Random) -> None:
        self.edges = [0] * INPUTS
        self.last_cmd_id = 0
        self.forgotten = 0
        self.damaged = 0
        self._slot = 0
        self._entries: dict[int, Entry] = {}
        self._slots: list[Entry | None] = [None] * RING
        header = None if ram is None else _unseal(bytes(ram[:_HEAD_BYTES]))
        fields = None if header is None else _HEADER.unpack(header)
        self.survived = fields is not None and fields[0] == _MAGIC
        if ram is None or fields is None or not self.survived:
            self.ram = bytearray(_HEAD_BYTES + RING * _ENTRY_BYTES)
            self.epoch = entropy.getrandbits(32)
            self._save_header()
            return
        self.ram = ram
        _, self.epoch, self.last_cmd_id, self.forgotten, self._slot, *self.edges = fields
        for slot in range(RING):
            self._restore(slot)
        if self.damaged:
            self.forgotten = self.last_cmd_id
        self._save_header()

    def find(self, cmd_id: int) -> Entry | None:
        """Return the stored answer of a command."""
        return self._entries.get(cmd_id)

    def unknown(self, cmd_id: int) -> Status:
        """Return what is true of an id without a stored answer."""
        return Status.FORGOTTEN if 0 < cmd_id <= self.forgotten else Status.NONE

    def accept(self, cmd_id: int, status: Status, args_crc: int) -> Entry:
        """Store the first word on a new command, whose id must be above `last_cmd_id`.

        The oldest answer is overwritten, but never one that still waits for its trigger.
        """
        slot = self._slot % RING
        while (old := self._slots[slot]) is not None and old.status == Status.PENDING:
            slot = (slot + 1) % RING
        if old is not None:
            del self._entries[old.cmd_id]
            self.forgotten = max(self.forgotten, old.cmd_id)
        entry = Entry(cmd_id, status, args_crc, 0, 0, slot)
        self._entries[cmd_id] = self._slots[slot] = entry
        self._slot = (slot + 1) % RING
        self.last_cmd_id = cmd_id
        self._save_header()
        self._save(entry)
        return entry

    def note(self, entry: Entry, status: Status, t_actual_us: int = 0, count: int = 0) -> None:
        """Change what is stored of a command."""
        entry.status, entry.t_actual_us, entry.count = status, t_actual_us, count
        self._save(entry)

    def edge(self, number: int) -> int:
        """Count a rising edge of an input and return how many there were in this epoch."""
        self.edges[number] = (self.edges[number] + 1) & 0xFFFF_FFFF
        self._save_header()
        return self.edges[number]

    def _restore(self, slot: int) -> None:
        place = _HEAD_BYTES + slot * _ENTRY_BYTES
        sealed = bytes(self.ram[place : place + _ENTRY_BYTES])
        if not any(sealed):
            return
        body = _unseal(sealed)
        if body is None:
            self.damaged += 1
            self.ram[place : place + _ENTRY_BYTES] = bytes(_ENTRY_BYTES)
            return
        cmd_id, status, args_crc, t_actual_us, count = _ENTRY.unpack(body)
        entry = Entry(cmd_id, status, args_crc, t_actual_us, count, slot)
        self._entries[entry.cmd_id] = self._slots[slot] = entry
        self.last_cmd_id = max(self.last_cmd_id, entry.cmd_id)
        if entry.status == Status.PENDING:
            self.note(entry, Status.CANCELLED)

    def _save(self, entry: Entry) -> None:
        place = _HEAD_BYTES + entry.slot * _ENTRY_BYTES
        body = _ENTRY.pack(entry.cmd_id, entry.status, entry.args_crc, entry.t_actual_us, entry.count)
        self.ram[place : place + _ENTRY_BYTES] = _seal(body)

    def _save_header(self) -> None:
        body = _HEADER.pack(_MAGIC, self.epoch, self.last_cmd_id, self.forgotten, self._slot, *self.edges)
        self.ram[:_HEAD_BYTES] = _seal(body)
