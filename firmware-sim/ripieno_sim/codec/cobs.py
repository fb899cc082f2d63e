"""Consistent overhead byte stuffing (Cheshire and Baker, IEEE/ACM ToN 7(2), 1999) for bodies shorter than one block.

A body without its zeros is cut into runs; each run is preceded by one byte that holds its length + 1:

    11 22 00 33   ->   03 11 22 02 33
"""

__all__ = ["MAX_BYTES", "cobs_decode", "cobs_encode"]

MAX_BYTES = 253  # longer runs need the 255-block of the full algorithm; a body of the link has at most 71 bytes


def cobs_encode(body: bytes) -> bytes:
    """Return `body` without a zero byte, exactly one byte longer.

    Raises:
        ValueError: the body is longer than MAX_BYTES.
    """
    if len(body) > MAX_BYTES:
        raise ValueError(f"a body has at most {MAX_BYTES} bytes, got {len(body)}")
    stuffed = bytearray()
    for run in body.split(b"\0"):
        stuffed.append(len(run) + 1)
        stuffed += run
    return bytes(stuffed)


def cobs_decode(stuffed: bytes) -> bytes | None:
    """Return the body, or None where the lengths do not add up or a zero stands inside."""
    end = len(stuffed)
    if not 0 < end <= MAX_BYTES + 1 or 0 in stuffed:
        return None
    runs: list[bytes] = []
    place = 0
    while place < end:
        after = place + stuffed[place]
        if after > end:
            return None
        runs.append(stuffed[place + 1 : after])
        place = after
    return b"\0".join(runs)
