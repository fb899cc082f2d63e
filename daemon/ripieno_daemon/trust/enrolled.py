"""What a device was given when it was enrolled, from its disk."""

from __future__ import annotations

import binascii
from pathlib import Path
from typing import NamedTuple

from ripieno.errors import RipienoError

from .keys import PUBLIC_BYTES

MAX_POLICY_BYTES = 64 * 1024


class NotEnrolled(RipienoError):
    """A file is missing or is not what `ripieno fleet enrol` made; the message names it."""


class Enrolled(NamedTuple):
    """The key that signs policies, and the policy as it was then (signed, not checked)."""

    root_public: bytes
    policy: bytes


def read_enrolled(root: str, policy: str) -> Enrolled:
    """Return what is in these two files.

    Raises:
        NotEnrolled: one of them is missing or is not what it should be.
    """
    text, packed = _read(root), _read(policy)
    try:
        public = bytes.fromhex(text.decode("ascii").strip())
    except (UnicodeDecodeError, ValueError, binascii.Error):
        public = b""
    if len(public) != PUBLIC_BYTES:
        raise NotEnrolled(
            f"{root}: {2 * PUBLIC_BYTES} hex letters of a public key are expected (`ripieno fleet enrol`)"
        )
    return Enrolled(public, packed)


def _read(path: str) -> bytes:
    try:
        with Path(path).open("rb") as file:
            content = file.read(MAX_POLICY_BYTES + 1)
    except OSError as error:
        raise NotEnrolled(f"{path}: {error.strerror} (`ripieno fleet enrol` makes it)") from error
    if not content or len(content) > MAX_POLICY_BYTES:
        raise NotEnrolled(f"{path}: 1 to {MAX_POLICY_BYTES} bytes are expected, {len(content)} or more are there")
    return content
