"""Every random draw of a run comes from its one seed, in named streams that do not disturb each other."""

import hashlib
import random

__all__ = ["stream"]


def stream(seed: int, name: str) -> random.Random:
    """Return the generator called `name` of the run `seed`.

    The same pair gives the same numbers in every process (SHA-256, not `hash()`), and a further stream, or further
    draws from one, never change another.
    """
    digest = hashlib.sha256(f"{seed}/{name}".encode()).digest()
    return random.Random(int.from_bytes(digest[:16], "little"))
