"""The file of intents: acts that may have been sent and whose outcome is not recorded yet.

A ring of 512-byte slots in a preallocated file; a full disk cannot stop it.

    0..3      CRC-32 of all that follows, to the end of the strings
    4..       serial u64 | command_id u64 | epoch u64 | args_crc u32 | index u32 | lengths u8 * 4
    40..      device, cause, output, note (UTF-8 or bytes)
    508..511  settled: the inverted CRC of the record that it settles; anything else means nothing

A mark names its record, so that no order and no tear of writes makes a settled record open again when its slot is used
for the next, or the next one settled by the mark of the last.
A record that was torn by a crash fails its CRC and counts as never written: its act was not sent, because the first
byte of an act waits for `write`. The slot with the highest command id of a device is not used again until a higher
one is durable, so that a torn write cannot take that number away.
"""

from __future__ import annotations

import struct
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from ripieno.contracts.driver import Intent
from ripieno.contracts.ports import AppendFile
from ripieno.errors import StorageError
from ripieno.values import Act

SLOT_BYTES = 512
SLOTS = 128
FILE_BYTES = SLOT_BYTES * SLOTS
NOTE_BYTES = 128
NO_BOARDS = 1 << 63  # boards' epochs have 32 bits
MARK_AT = SLOT_BYTES - 4
_FIXED = struct.Struct(">QQQIIBBBB")
_CRC = struct.Struct(">I")


class IntentFile:
    """The durable list of open acts (`contracts.driver.Intents`) over an `AppendFile` of at least `FILE_BYTES`."""

    def __init__(self, file: AppendFile, slots: int = SLOTS) -> None:
        """Scan the file; it is small and this blocks."""
        self._file = file
        self._open: dict[int, Intent] = {}
        self._records: dict[int, bytes] = {}  # of the open ones: how they will be marked
        self._holders: dict[str, int] = {}
        self._highest: dict[str, int] = {}
        self._marks: dict[int, bytes] = {}
        self._serial = 0
        self._free: deque[int] = deque()
        settled = self._scan(file.read(), slots)
        pinned = set(self._holders.values())
        self._free.extend(slot for slot in settled if slot not in pinned)

    def highest(self, device: str) -> int:
        """Return the highest command id that was ever made durable for a device; 0: none."""
        return self._highest.get(device, 0)

    def open(self, device: str) -> Sequence[Intent]:
        """Return the intents without an outcome, oldest first."""
        return [intent for intent in self._open.values() if intent.device == device]

    async def write(self, intent: Intent) -> None:
        """Return when the intent would survive a power cut.

        Raises:
            StorageError: the ring is full of open intents, the record does not fit, or the disk refused.
        """
        record = encode(self._serial + 1, intent)
        if not self._free:
            raise StorageError(f"{len(self._open)} acts without an outcome fill the file; settle them first")
        slot = self._free.popleft()
        self._serial += 1
        self._marks.pop(slot, None)
        marks, self._marks = self._marks, {}
        pieces = [(each * SLOT_BYTES + MARK_AT, mark) for each, mark in sorted(marks.items())]
        try:
            await self._file.write([(slot * SLOT_BYTES, record), *pieces])
        except BaseException:  # also a cancelled caller: the record may be there, its act was not sent
            self._marks = {**marks, slot: mark_of(record), **self._marks}
            self._free.append(slot)
            raise
        self._open[slot] = intent
        self._records[slot] = mark_of(record)
        self._hold(intent, slot)

    def settle(self, intent: Intent) -> None:
        """Forget an intent; its slot is marked with the next write.

        A crash before it brings the intent back as open.
        """
        for slot, held in self._open.items():
            if held == intent:
                del self._open[slot]
                self._marks[slot] = self._records.pop(slot)
                if self._holders.get(intent.device) != slot:
                    self._free.append(slot)
                return

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _hold(self, intent: Intent, slot: int) -> None:
        """Pin the slot of the highest command id; let the one that was pinned go."""
        if intent.command_id < self._highest.get(intent.device, 0):
            return
        before = self._holders.get(intent.device)
        self._highest[intent.device] = intent.command_id
        self._holders[intent.device] = slot
        if before is not None and before != slot and before not in self._open:
            self._free.append(before)

    def _scan(self, content: bytes, slots: int) -> list[int]:
        """Fill the tables from the file and return the slots without an open intent, oldest first."""
        found: list[tuple[int, int, Intent, bool]] = []
        empty = []
        for slot in range(slots):
            decoded = decode(content[slot * SLOT_BYTES : (slot + 1) * SLOT_BYTES])
            if decoded is None:
                empty.append(slot)
            else:
                found.append((decoded[0], slot, decoded[1], decoded[2]))
        settled = []
        for serial, slot, intent, is_open in sorted(found, key=lambda entry: entry[0]):
            self._serial = serial
            if is_open:
                self._open[slot] = intent
                self._records[slot] = mark_of(content[slot * SLOT_BYTES :])
            else:
                settled.append(slot)
            if intent.command_id >= self._highest.get(intent.device, 0):
                self._highest[intent.device] = intent.command_id
                self._holders[intent.device] = slot
        return empty + settled


def encode(serial: int, intent: Intent) -> bytes:
    """Return the bytes of a slot.

    Raises:
        StorageError: the names and the note do not fit.
    """
    texts = [intent.device.encode(), intent.act.cause.encode(), intent.act.output.encode(), intent.note]
    if len(intent.note) > NOTE_BYTES or any(len(text) > 255 for text in texts):
        raise StorageError(f"an intent of {intent.act}: note of {len(intent.note)} bytes, at most {NOTE_BYTES}")
    fixed = _FIXED.pack(serial, intent.command_id, intent.epoch, intent.args_crc, intent.act.index, *map(len, texts))
    body = fixed + b"".join(texts)
    if _CRC.size + len(body) > MARK_AT:
        raise StorageError(f"an intent of {intent.act} takes {_CRC.size + len(body)} bytes, at most {MARK_AT}")
    return _CRC.pack(zlib.crc32(body)) + body


def doubted(content: bytes) -> tuple[bytes, int]:
    """Return the file's content with every open intent under an epoch that no board has, and how many there are.

    For a file that was restored: what became of those acts since cannot be asked, and is in doubt. Numbers stay.
    """
    slots = [content[at : at + SLOT_BYTES] for at in range(0, len(content), SLOT_BYTES)]
    count = 0
    for at, slot in enumerate(slots):
        decoded = decode(slot)
        if decoded is not None and decoded[2]:
            serial, intent, _ = decoded
            slots[at] = encode(serial, replace(intent, epoch=intent.epoch | NO_BOARDS)).ljust(SLOT_BYTES, b"\0")
            count += 1
    return b"".join(slots), count


def mark_of(record: bytes) -> bytes:
    """Return the bytes that settle a record."""
    return bytes(each ^ 0xFF for each in record[: _CRC.size])


def decode(slot: bytes) -> tuple[int, Intent, bool] | None:
    """Return (serial, intent, whether it is open), or None for a slot that is empty or torn."""
    try:
        (crc,) = _CRC.unpack_from(slot, 0)
        serial, command_id, epoch, args_crc, index, *lengths = _FIXED.unpack_from(slot, _CRC.size)
        end = _CRC.size + _FIXED.size + sum(lengths)
        if end > MARK_AT or serial == 0 or zlib.crc32(slot[_CRC.size : end]) != crc:
            return None
        texts, at = [], _CRC.size + _FIXED.size
        for length in lengths:
            texts.append(slot[at : at + length])
            at += length
        device, cause, output, note = texts
        act = Act(cause.decode(), output.decode(), index)
        return serial, Intent(act, device.decode(), command_id, epoch, args_crc, note), slot[MARK_AT:] != mark_of(slot)
    except (struct.error, UnicodeDecodeError):
        return None
