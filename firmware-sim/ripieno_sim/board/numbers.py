"""Numbers that wrap: 32 bits on the wire, unlimited inside (docs/link-protocol.md, section 6)."""

__all__ = ["MASK32", "ahead", "signed32"]

MASK32 = 0xFFFF_FFFF


def signed32(number: int) -> int:
    """Return the i32 that shares its low 32 bits with `number`."""
    return ((number + 0x8000_0000) & MASK32) - 0x8000_0000


def ahead(target: int, now: int) -> int:
    """Return how far the 32-bit `target` lies ahead of the unlimited `now`; negative when it lies behind."""
    return signed32(target - now)
