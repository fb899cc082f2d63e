"""Golden inputs that are no pictures: `golden/NAME.json` holds {"text": "..."} or {"vector": [1.5, ...]}."""

from __future__ import annotations

import json
from typing import Final, TypeGuard

from ripieno.errors import ModelError
from ripieno.values import Text, Vector

from .takes import Takes, TakesNumbers, TakesPicture, TakesText

ENDINGS: Final = (".png", ".json")  # of pictures, of all else


def ending_of(takes: Takes) -> str:
    """Return how the golden files of such a model end."""
    return ENDINGS[0] if isinstance(takes, TakesPicture) else ENDINGS[1]


def golden_bytes(takes: Takes, content: bytes) -> bytes:
    """Return what the model is given of a golden file: see Chain.run.

    Raises:
        ModelError: it does not hold what the model takes.
    """
    match takes:
        case TakesPicture():
            return content
        case TakesText():
            text = _only(content, "text")
            if not isinstance(text, str):
                raise ModelError(f'expected {{"text": "..."}}, got a text that is {type(text).__name__}')
            return Text(text).encoded
        case TakesNumbers(fields):
            numbers = _only(content, "vector")
            if not _are_numbers(numbers) or len(numbers) != len(fields):
                raise ModelError(f'expected {{"vector": [...]}} with {len(fields)} numbers, got {str(numbers)[:80]}')
            return Vector(tuple(map(float, numbers))).encoded


def _are_numbers(value: object) -> TypeGuard[list[float]]:
    return isinstance(value, list) and all(type(one) in (int, float) for one in value)


def _only(content: bytes, key: str) -> object:
    try:
        whole = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ModelError(f"expected JSON with {key!r} alone: {error}") from error
    if not isinstance(whole, dict) or list(whole) != [key]:
        keys = ", ".join(map(str, whole)) if isinstance(whole, dict) else type(whole).__name__
        raise ModelError(f"expected JSON with {key!r} alone, got {keys[:80]}")
    return whole[key]
