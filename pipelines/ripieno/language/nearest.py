"""The nearest known name, for "did you mean"."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

LONGEST = 64
MOST_CANDIDATES = 1_000
MOST_SHOWN = 20


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that is most like this one, None where none is like it."""
    candidates = list(known)
    if not name or len(name) > LONGEST or len(candidates) > MOST_CANDIDATES:
        return None
    by_lower = {candidate.lower(): candidate for candidate in candidates}
    turned = next((one for one in by_lower if _turned(name.lower(), one)), None)
    if turned is not None:
        return by_lower[turned]
    found = difflib.get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    if not found and len(name) <= 4:  # short words: one letter more, less or other
        found = [one for one in by_lower if _one_apart(name.lower(), one)][:1]
    return by_lower[found[0]] if found else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest name, else all of them."""
    candidates = sorted(known)
    near = nearest(name, candidates)
    if near is not None:
        return f"did you mean '{near}'?"
    return f"there is {shown(candidates)}" if candidates else "there is none"


def shown(names: list[str]) -> str:
    """Return the names, of very many the first."""
    more = len(names) - MOST_SHOWN
    return ", ".join(names[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _turned(left: str, right: str) -> bool:
    """Whether two neighbouring letters have changed places: a likelier mistake than any other."""
    if len(left) != len(right) or left == right:
        return False
    other = [index for index, (a, b) in enumerate(zip(left, right, strict=True)) if a != b]
    return (
        len(other) == 2
        and other[1] == other[0] + 1
        and left[other[0]] + left[other[1]] == right[other[1]] + right[other[0]]
    )


def _one_apart(left: str, right: str) -> bool:
    if abs(len(left) - len(right)) > 1 or max(len(left), len(right)) < 2:
        return False
    if sorted(left) == sorted(right):
        return True
    start = 0
    while start < min(len(left), len(right)) and left[start] == right[start]:
        start += 1
    return (
        left[start + 1 :] == right[start + 1 :]
        or left[start:] == right[start + 1 :]
        or left[start + 1 :] == right[start:]
    )
