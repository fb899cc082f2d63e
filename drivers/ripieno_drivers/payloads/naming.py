"""An act's identity where not every sign may stand: other acts have other names, and the same has the same for ever."""

from __future__ import annotations

import hashlib
import string
from typing import Final

_IN_NAMES: Final = frozenset(string.ascii_letters + string.digits + "._@+-")
_IN_HEADERS: Final = frozenset(string.ascii_letters + string.digits + string.punctuation) - frozenset('%"\\,;')
LONGEST: Final = 180
KEPT: Final = 140


def plain_name(act: str) -> str:
    """Return 1 to 182 safe ASCII signs for a file or an address, the first no dot; other signs are `~XX`."""
    name = _quoted(act, _IN_NAMES, "~")
    return f"~2E{name[1:]}" if name.startswith(".") else name or "~"


def header_value(act: str) -> str:
    """Return 1 to 180 visible ASCII signs; others are `%XX`."""
    return _quoted(act, _IN_HEADERS, "%") or "%"


def _quoted(text: str, kept: frozenset[str], escape: str) -> str:
    encoded = "".join(
        sign if sign in kept else "".join(f"{escape}{byte:02X}" for byte in sign.encode("utf-8", "surrogatepass"))
        for sign in text
    )
    if len(encoded) <= LONGEST:
        return encoded
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return f"{encoded[:KEPT]}{escape}{escape}{digest}"  # two escapes come from no sign: no short name looks like this
