"""What may come in: signed by who may sign for this device, of the right name, newer than all that was kept here."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ripieno.errors import RipienoError

from ..bundles.packed_file import parse_head
from ..bundles.release import Release, parse_index
from ..bundles.signed import accepted_signers
from ..trust import BadSeal, Policy
from .slots import Refused, Slots


@dataclass(frozen=True, slots=True)
class Authority:
    """Who decides what this device loads: the policy as it is now, and the device's name in it."""

    policy: Policy
    device: str


@dataclass(frozen=True, slots=True)
class Planned:
    """What `apply` would do. `hash` binds it to what runs now: after another update it is not this plan any more."""

    release: Release
    head: bytes
    signed_by: tuple[str, ...]
    hash: str


def name_in(head: bytes) -> str:
    """Return the bundle's name that a head gives, checked by nobody yet. Raises Refused: it is no head."""
    try:
        return parse_index(parse_head(head).payload).name
    except RipienoError as error:
        raise Refused("format", str(error)) from error


def judged(head: bytes, digest: str, slots: Slots, authority: Authority | None) -> tuple[Release, tuple[str, ...]]:
    """Return what a head says and who signed it, once its signatures are good; nothing is parsed of it before.

    Raises:
        Refused: not enrolled, not signed by who may, not what was asked for, or the slots do not take it.
    """
    if authority is None:
        raise Refused("not-enrolled", "this device has no policy (`ripieno enrol`)")
    try:
        sealed = parse_head(head)
        rules = accepted_signers(sealed, authority.policy, authority.device)
        release = parse_index(sealed.payload)
    except BadSeal as error:
        raise Refused(error.reason, str(error)) from error
    except RipienoError as error:
        raise Refused("format", str(error)) from error
    if release.digest != digest:
        raise Refused("other", f"asked for {digest[:16]}..., {release.digest[:16]}... came")
    if release.name != slots.name:
        raise Refused("name", f"a release of {release.name!r}; here is {slots.name!r}")
    slots.check(digest, release.counter)
    return release, tuple(rule.name for rule in rules)


def planned(head: bytes, digest: str, slots: Slots, authority: Authority | None) -> Planned:
    """Return the plan of an update. Raises Refused: as `judged`."""
    release, signed_by = judged(head, digest, slots, authority)
    device = authority.device if authority is not None else ""
    binding = f"{slots.standing.confirmed} {slots.floor} {release.digest} {device}"
    return Planned(release, head, signed_by, hashlib.sha256(binding.encode()).hexdigest())


def told(plan: Planned, slots: Slots) -> Mapping[str, Any]:
    """Return what a plan says to whoever decides over it. Reads the disk."""
    release = plan.release
    return {
        "plan": plan.hash,
        "release": release.digest,
        "name": release.name,
        "version": release.version,
        "counter": release.counter,
        "signed_by": list(plan.signed_by),
        "bytes": release.size,
        "runs_now": slots.standing.confirmed,
        "files": _files(release, slots),
    }


def _files(release: Release, slots: Slots) -> Mapping[str, list[str]]:
    try:
        old = {one.path: one.chunks for one in slots.store.release(slots.standing.confirmed).files}
    except RipienoError:
        old = {}  # nothing is confirmed, or it cannot be read: then all of it is new
    new = {one.path: one.chunks for one in release.files}
    return {
        "new": sorted({*new} - {*old}),
        "gone": sorted({*old} - {*new}),
        "changed": sorted(path for path in {*old} & {*new} if old[path] != new[path]),
    }
