"""Addresses of HTTP services: a base that a person writes, and templates that a key or an act is put into.

What is put in comes from outside. It is percent-encoded; what could still mean another place (an empty key, `..`, a
slash that a server decodes too early) is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, urlsplit

LONGEST_KEY: Final = 200
LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,252}[A-Za-z0-9])?")
_ADDRESS = re.compile(r"[0-9A-Fa-f:.]{2,45}")
_TARGET = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]*")  # RFC 3986 without the fragment
_HOLE = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Base:
    """A service. `path` has no slash at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def is_private(self) -> bool:
        """Whether nobody on the way can read along: TLS, or this machine."""
        return self.scheme == "https" or self.host in LOOPBACK

    @property
    def authority(self) -> str:
        """What the Host header says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path}"


def parse_base(text: str) -> Base:
    """Return the service that an address names. Raises ValueError with what is wrong."""
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("should be an address in ASCII without spaces, such as https://stock.site:8443/api")
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ValueError("should begin with https:// or http:// and a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("should have no password in it: put it into a file, and name that in token_file")
    if parts.query or parts.fragment or "{" in text:
        raise ValueError("should end with a path; what is asked for stands in the path of the input or output")
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    if not (_ADDRESS.fullmatch(host) if ":" in host else _HOST.fullmatch(host)):
        raise ValueError(f"{host!r} is no host")
    if not _TARGET.fullmatch(parts.path):
        raise ValueError(f"the path {parts.path!r} has signs that must be percent-encoded")
    return Base(parts.scheme, host, port, parts.path.rstrip("/"))


@dataclass(frozen=True, slots=True)
class Template:
    """Texts with holes between them: there is one text more than there are holes."""

    texts: tuple[str, ...]
    holes: tuple[str, ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """Return the target. Raises ValueError: a value cannot be part of an address."""
        filled = self.texts[0]
        for hole, text in zip(self.holes, self.texts[1:], strict=True):
            filled += encoded(values[hole]) + text
        return filled


def parse_template(text: str, known: Collection[str]) -> Template:
    """Return the template. Raises ValueError: it is no path, or has a hole that is not known."""
    pieces = _HOLE.split(text)
    texts, holes = tuple(pieces[::2]), tuple(pieces[1::2])
    if not texts[0].startswith("/"):
        raise ValueError(f"{text!r} should begin with /")
    if strange := [hole for hole in holes if hole not in known]:
        raise ValueError(f"{{{strange[0]}}} is not known; known: {', '.join(f'{{{one}}}' for one in sorted(known))}")
    if wrong := [one for one in texts if not _TARGET.fullmatch(one)]:
        raise ValueError(f"{wrong[0]!r} has signs that must be percent-encoded")
    return Template(texts, holes)


def encoded(value: str) -> str:
    """Return a value as a part of an address. Raises ValueError: it could mean another place."""
    if not value or not value.strip("."):
        raise ValueError(f"a key {value!r} cannot be part of an address")
    if len(value) > LONGEST_KEY:
        raise ValueError(f"a key of {len(value)} characters; at most {LONGEST_KEY} are asked for")
    if not value.isprintable() or "/" in value or "\\" in value:
        raise ValueError("a key with a slash or a control character cannot be part of an address")
    return quote(value, safe="")
