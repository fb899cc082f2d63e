"""What a device's retained state says of its releases: what runs, what is on trial, how an update ended.

    releases: {bundle name: Updater.status()}     see updates.updater

All of it is a device's word and may have any shape: what is not as expected reads as not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

CONFIRMED: Final = "confirmed"
REFUSED: Final = "refused"
ENDS: Final = frozenset({CONFIRMED, REFUSED, "reverted", "cancelled", "stopped"})
IDLE: Final = "idle"
SHORT: Final = 12


class End(NamedTuple):
    """How an update ended: one of ENDS, "lost" (the device says nothing of it any more), "unanswered"; and why."""

    what: str
    why: str

    @property
    def is_good(self) -> bool:
        """Whether the release runs, and stays."""
        return self.what == CONFIRMED


def told_of(state: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return what is told of the releases of one bundle name; empty where nothing is."""
    releases = state.get("releases")
    told = releases.get(name) if isinstance(releases, Mapping) else None
    return told if isinstance(told, Mapping) else {}


def is_under_way(told: Mapping[str, Any], digest: str) -> bool:
    """Whether this release is being pulled, tested or tried on the line."""
    return digest in (told.get("arriving"), told.get("trial"))


def under_way(state: Mapping[str, Any]) -> dict[str, str]:
    """Return each update that can still be taken back: the bundle's name to the digest of the release."""
    releases = state.get("releases")
    names = releases if isinstance(releases, Mapping) else {}
    told = {str(name): told_of(state, name) for name in names}
    found = {name: str(one.get("arriving") or one.get("trial") or "") for name, one in told.items()}
    return {name: digest for name, digest in found.items() if digest}


def ended(told: Mapping[str, Any], digest: str, last_before: Any = None) -> End | None:
    """Return how the update to this release ended, None: it has not.

    `last_before`: what was told last before it began; an earlier try of the same release is not taken for this one.
    """
    last = told.get("last")
    if last != last_before:
        match last:
            case {"release": one, "what": str(what), **rest} if one == digest and what in ENDS:
                return End(what, str(rest.get("why", "")))
    if is_under_way(told, digest):
        return None
    if told.get("confirmed") == digest:
        return End(CONFIRMED, "")
    for known, why in refusals(told):
        if known == digest:
            return End(REFUSED, why)
    return None


def refusals(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what was refused or reverted and is remembered: digest and why, oldest first."""
    listed = told.get("refused")
    for each in listed if isinstance(listed, list) else []:
        match each:
            case [str(digest), str(why)]:
                yield digest, why


def standing(told: Mapping[str, Any]) -> str:
    """Return in a few words what is under way, "" for nothing."""
    match told:
        case {"phase": "pulling", "done_bytes": int(done), "of_bytes": int(whole)} if whole:
            return f"pulling, {100 * done // whole} %"
        case {"phase": "on trial", "results": int(count), "of_results": int(wanted)}:
            return f"on trial, {count} of {wanted} results"
        case {"phase": str(phase)} if phase != IDLE:
            return phase
    return ""


def lines(state: Mapping[str, Any]) -> list[str]:
    """Return what a person reads of all bundles: what runs, what is on trial, what was refused last."""
    releases = state.get("releases")
    found = []
    for name in sorted(releases) if isinstance(releases, Mapping) else []:
        told = told_of(state, name)
        now = f"; {standing(told)}" if standing(told) else ""
        found.append(f"{name}: release {_short(told.get('confirmed'))} runs, counter {told.get('floor', 0)}{now}")
        if told.get("trial"):
            found.append(f"  on trial: {_short(told['trial'])}")
        if told.get("arriving"):
            found.append(f"  arriving: {_short(told['arriving'])}")
        for digest, why in list(refusals(told))[-1:]:
            found.append(f"  refused last: {_short(digest)}: {why}")
    return found


def row(state: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the same for programs, by the bundle's name: digests, "" for none."""
    releases = state.get("releases")
    found = {}
    for name in sorted(releases) if isinstance(releases, Mapping) else []:
        told = told_of(state, name)
        refused = list(refusals(told))[-1:]
        found[str(name)] = {
            "runs": told.get("confirmed", ""),
            "trial": told.get("trial", ""),
            "arriving": told.get("arriving", ""),
            "phase": told.get("phase", ""),
            "refused_last": [*refused[0]] if refused else None,
        }
    return found


def _short(digest: Any) -> str:
    return f"{digest[:SHORT]}..." if isinstance(digest, str) and digest else "none"
