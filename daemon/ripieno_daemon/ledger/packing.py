"""How a payload is stored: as it is, or deflated with a dictionary of words that payloads repeat.

    byte 0     0: raw, 1: deflate, 2: deflate with the dictionary in force
    byte 1..   the bytes

Each payload is packed alone, so that one can be erased or damaged without the others. A record of 240 bytes alone has
little in it that repeats; the names in the plan, given as a dictionary, are most of what it says.

Measured at 10 decisions/s, 5 records and 1.06 kB of msgpack each, windows of 250 ms, an intent for each, WAL and
checkpoints counted (bytes handed to write calls, for one decision): 3.5 kB with a dictionary, 4.4 to 4.6 kB without;
noise of 1.2 kB, which nothing packs, 4.8 to 5.6 kB. A WAL writes each page twice: that is the floor.
"""

from __future__ import annotations

import zlib

RAW, DEFLATED, WORDED = b"\0", b"\1", b"\2"
LEAST_BYTES = 48  # below, the dictionary's gain is smaller than what its search costs
LEVEL = 6
MEMORY_LEVEL = 4  # 20 kB for the compressor, copied once for each record
WINDOW_BITS = -13  # 8 kB reach back: dictionary and record
MAX_DICTIONARY_BYTES = 7 * 1024
MAX_PAYLOAD_BYTES = 1 << 20


class Packer:
    """Packs payloads with one dictionary (empty: none) and unpacks those that were packed with the same."""

    def __init__(self, dictionary: bytes = b"") -> None:
        self._dictionary = dictionary[-MAX_DICTIONARY_BYTES:]
        self._mark = WORDED if dictionary else DEFLATED
        self._fresh = (
            zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL, zdict=self._dictionary)
            if dictionary
            else zlib.compressobj(LEVEL, zlib.DEFLATED, WINDOW_BITS, MEMORY_LEVEL)
        )

    def pack(self, payload: bytes) -> bytes:
        """Return what is stored for `payload`; never more than one byte longer."""
        if len(payload) < LEAST_BYTES:
            return RAW + payload
        compressor = self._fresh.copy()
        packed = compressor.compress(payload) + compressor.flush()
        return self._mark + packed if len(packed) < len(payload) else RAW + payload

    def unpack(self, stored: bytes) -> bytes:
        """Return the payload.

        Raises:
            ValueError: these bytes were not made by `pack` with this dictionary.
        """
        mark, packed = stored[:1], stored[1:]
        if mark == RAW:
            return packed
        if mark == DEFLATED:
            opened = zlib.decompressobj(WINDOW_BITS)
        elif mark == WORDED:
            opened = zlib.decompressobj(WINDOW_BITS, zdict=self._dictionary)
        else:
            raise ValueError(f"unknown packing {mark!r}")
        try:
            payload = opened.decompress(packed, MAX_PAYLOAD_BYTES + 1)
        except zlib.error as error:
            raise ValueError(f"cannot be unpacked: {error}") from None
        if not opened.eof or opened.unused_data:
            raise ValueError("cannot be unpacked: it ends too early or too late")
        return payload
