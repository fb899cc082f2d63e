"""What a caller gives a model, as it goes to the worker: a reference that the worker opens, or the bytes themselves.

A text or a vector that no model takes gets its answer here and never travels.
"""

from __future__ import annotations

from ripieno.values import Given, Health, Inferred, PictureRef, Text, Vector
from ripieno.values.given import MAX_CHARACTERS, MAX_NUMBERS


def carried(given: str | Given) -> tuple[str, bytes | None]:
    """Return (reference, None) of a picture, ("", bytes) of a text or a vector."""
    match given:
        case str():
            return given, None
        case PictureRef(ref):
            return ref, None
        case _:
            return "", given.encoded


def too_long(given: str | Given) -> Inferred | None:
    """Return the answer to what is longer than any model reads, None where it is not."""
    match given:
        case Text(text) if len(text) > MAX_CHARACTERS:
            what = f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are read"
        case Vector(numbers) if len(numbers) > MAX_NUMBERS:
            what = f"the vector has {len(numbers)} numbers; at most {MAX_NUMBERS} are read"
        case _:
            return None
    return Inferred(Health.WRONG_SIZE, None, what, "", 0, 0)
