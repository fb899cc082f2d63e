"""What a caller gives a model, as it goes to the worker: a reference that the worker opens, or the bytes themselves.

What the model cannot take gets its answer here and never travels.
"""

from __future__ import annotations

from dataclasses import dataclass

from ripieno.errors import ModelError
from ripieno.models import ModelSpec, TakesNumbers, TakesPicture, TakesText
from ripieno.models.parts import Box, parts_of
from ripieno.models.takes import named
from ripieno.values import Given, Health, Inferred, PictureRef, Text, Vector
from ripieno.values.given import MAX_CHARACTERS, MAX_NUMBERS


@dataclass(frozen=True, slots=True)
class Carried:
    """What travels: the reference of a picture, or the bytes of a text or a vector. `parts`: the boxes of the picture
    that the model is shown, none for all of it.
    """

    ref: str
    encoded: bytes | None = None
    parts: tuple[Box, ...] = ()


def carried(spec: ModelSpec, given: str | Given) -> Carried | Inferred:
    """Return what travels to the worker; the answer where it is too long.

    Raises:
        ModelError: the model takes something else.
    """
    match given, spec.takes:
        case str() as ref, TakesPicture():
            return Carried(ref)
        case PictureRef(ref, None, (1, 1)), TakesPicture():
            return Carried(ref)
        case PictureRef(ref, box, tiles), TakesPicture():
            return Carried(ref, None, tuple(parts_of(box, tiles)))
        case Text(text), TakesText():
            if len(text) > MAX_CHARACTERS:
                return _too_long(f"the text has {len(text)} characters; at most {MAX_CHARACTERS} are read")
            return Carried("", given.encoded)
        case Vector(numbers), TakesNumbers():
            if len(numbers) > MAX_NUMBERS:
                return _too_long(f"the vector has {len(numbers)} numbers; at most {MAX_NUMBERS} are read")
            return Carried("", given.encoded)
    raise ModelError(f"model {spec.name} takes {named(spec.takes)}, got {_named(given)}")


def _too_long(why: str) -> Inferred:
    return Inferred(Health.WRONG_SIZE, None, why, "", 0, 0)


def _named(given: str | Given) -> str:
    match given:
        case Text():
            return "a text"
        case Vector(numbers):
            return f"{len(numbers)} numbers"
        case _:
            return "a picture"
