"""Which release runs: the confirmed one, one on trial, the one before, and the factory's, which is never removed.

           +------------- offered, staged, self-tested -------------+
           v                                                        |
       confirmed ---- try_out ----> trial ---- confirm ----> confirmed (the old one is `previous`)
           ^                          |
           +--- revert, or the 4th start without a verdict

    bundles/NAME/slots      which digests, how many starts the trial has had, what was refused (msgpack and its digest)
    bundles/NAME/factory    a digest, written once
    bundles/NAME/current    a link to the files of the release that runs; it follows `slots`, never the other way round
    floors/NAME             the highest counter ever confirmed: apart, so that removing the bundles does not lower it

One rename decides; whatever a power cut leaves half done beside it, `open` completes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from ripieno.errors import BundleError, RipienoError

from ..packed import BadPacked, pack, unpack
from .disk import Disk, checked, make_durable_folder, unchecked
from .disk import replace as replace_file
from .store import Store

MOST_STARTS: Final = 3
MOST_REFUSED: Final = 16
MAX_BYTES: Final = 16 * 1024


class Refused(RipienoError):
    """A release that does not come in. `reason`: a short word for answers and counters."""

    def __init__(self, reason: str, message: str) -> None:
        self.reason = reason
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Standing:
    """Digests in hex, "" for none. `starts`: of the trial; `refused`: digest and why, oldest first."""

    confirmed: str
    previous: str = ""
    trial: str = ""
    starts: int = 0
    refused: tuple[tuple[str, str], ...] = ()

    @property
    def active(self) -> str:
        """What runs."""
        return self.trial or self.confirmed


class Slots:
    """The slots of one bundle name. `open` first; every other call is durable when it returns."""

    def __init__(self, disk: Disk, name: str) -> None:
        self._disk, self.name = disk, name
        self.store = Store(disk, name)
        self._root = self.store.root
        self._standing = Standing("")
        self.said: list[str] = []

    @property
    def standing(self) -> Standing:
        """What the slots hold."""
        return self._standing

    @property
    def current(self) -> str:
        """Return the path that a device file names: it always leads to what runs."""
        return self._disk.place(f"{self._root}/current")

    @property
    def factory(self) -> str:
        """The digest of the release that this device was delivered with, "" before it was."""
        stored = unchecked(self._disk.read(f"{self._root}/factory") or b"")
        return "" if stored is None else stored.decode("ascii")

    @property
    def floor(self) -> int:
        """The counter that a new release must exceed; 0 where none was ever confirmed."""
        stored = unchecked(self._disk.read(f"floors/{self.name}") or b"")
        return 0 if stored is None else int(stored)

    def open(self) -> Standing:
        """Read what there is, and complete what a power cut left half done.

        A slots file that is damaged, or that names what is not here, falls back to the previous release, then to the
        factory's; `said` tells it.
        """
        stored = self._disk.read(f"{self._root}/slots")
        standing = _parse(stored) if stored is not None else Standing("")
        if standing is None:
            self.said.append(f"{self._disk.place(self._root)}/slots is damaged; the factory release runs")
            standing = Standing("")
        if standing.trial and not self.store.has(standing.trial):
            self.said.append(f"the release on trial, {standing.trial[:16]}..., is not here")
            standing = replace(standing, trial="", starts=0)
        if not self.store.has(standing.confirmed):
            found = [one for one in (standing.previous, self.factory) if self.store.has(one)]
            if standing.confirmed:
                self.said.append(f"the confirmed release {standing.confirmed[:16]}... is not here")
            standing = replace(standing, confirmed=found[0] if found else "", previous="")
        self._standing = standing
        if standing.confirmed:
            self._raise_floor(self._counter(standing.confirmed))
            if stored is None or _parse(stored) != standing:
                self._write(standing)
            self._point()
        return standing

    def set_factory(self, digest: str) -> None:
        """Make a whole release the one that this device always can go back to; only once in its life.

        Raises:
            Refused: there is one already, or this one is not here.
        """
        if self.factory:
            raise Refused("factory", f"the factory release is {self.factory[:16]}..., and stays it")
        self._check_here(digest)
        replace_file(self._disk, f"{self._root}/factory", checked(digest.encode("ascii")))
        self.open()

    def check(self, digest: str, counter: int) -> None:
        """Raise Refused where a release must not come in: rolled back, refused before, or running already."""
        if digest in (self._standing.confirmed, self._standing.trial):
            raise Refused("same", "this release runs already")
        for known, why in self._standing.refused:
            if known == digest:
                raise Refused(
                    "reverted", f"this release was tried here, and given up: {why}; a mended one has another digest"
                )
        if counter <= self.floor:
            raise Refused(
                "rollback",
                f"release {counter} is not above {self.floor}, the highest that was confirmed here; "
                "to go back, release the old content again with a higher counter",
            )

    def staged(self) -> str:
        """Return the whole release that was not tried yet when this device went down, "" where there is none."""
        standing = self._standing
        named = {standing.confirmed, standing.previous, standing.trial, self.factory}
        for digest in self.store.whole():
            try:
                if digest not in named:
                    self.check(digest, self.store.release(digest).counter)
                    return digest
            except (Refused, BundleError):
                continue  # given up before, or older than what runs: it waits to be removed
        return ""

    def try_out(self, digest: str) -> None:
        """Let a whole release run on trial. Raises Refused: it is not here, or another is on trial."""
        self._check_here(digest)
        if self._standing.trial:
            raise Refused("busy", f"{self._standing.trial[:16]}... is on trial")
        self._write(replace(self._standing, trial=digest, starts=0))
        self._point()

    def started(self) -> bool:
        """Count a start of what is on trial, before it is loaded; False: it had its starts, and was given up."""
        if not self._standing.trial:
            return True
        if self._standing.starts >= MOST_STARTS:
            self.revert(f"starts: no verdict after {MOST_STARTS} starts")
            return False
        self._write(replace(self._standing, starts=self._standing.starts + 1))
        return True

    def confirm(self) -> None:
        """Keep what is on trial; from now on no older release comes in."""
        standing = self._standing
        if not standing.trial:
            raise Refused("trial", "nothing is on trial")
        self._write(replace(standing, confirmed=standing.trial, previous=standing.confirmed, trial="", starts=0))
        self._raise_floor(self._counter(self._standing.confirmed))
        self.prune()

    def revert(self, why: str) -> None:
        """Go back to the confirmed release; this one is not tried again. Needs no network."""
        standing = self._standing
        if not standing.trial:
            raise Refused("trial", "nothing is on trial")
        self._write(replace(standing, trial="", starts=0, refused=_with(standing.refused, standing.trial, why)))
        self._point()

    def refuse(self, digest: str, why: str) -> None:
        """Remember that a staged release failed its self-test."""
        self._write(replace(self._standing, refused=_with(self._standing.refused, digest, why)))
        self.prune()

    def fall_back(self, why: str) -> str:
        """The confirmed release cannot run: return the one before or the factory's, which is confirmed from now on.

        Raises:
            Refused: there is none that is whole.
        """
        standing = self._standing
        for one in (standing.previous, self.factory):
            if one != standing.confirmed and self.store.has(one):
                refused = _with(standing.refused, standing.confirmed, why)
                self._write(Standing(one, refused=refused))
                self._point()
                return one
        raise Refused("nothing", f"no other release is here ({why})")

    def prune(self) -> None:
        """Remove the releases that no slot names."""
        standing = self._standing
        named = {standing.confirmed, standing.previous, standing.trial, self.factory}
        self.store.keep_only(frozenset(named - {""}))

    def _check_here(self, digest: str) -> None:
        if not self.store.has(digest):
            raise Refused("missing", f"release {digest[:16]}... is not on this device")

    def _counter(self, digest: str) -> int:
        try:
            return self.store.release(digest).counter
        except BundleError as error:
            self.said.append(str(error))
            return 0

    def _raise_floor(self, counter: int) -> None:
        if counter > self.floor:
            make_durable_folder(self._disk, "floors")
            replace_file(self._disk, f"floors/{self.name}", checked(str(counter).encode()))

    def _write(self, standing: Standing) -> None:
        plain = {
            "v": 1,
            "confirmed": standing.confirmed,
            "previous": standing.previous,
            "trial": standing.trial,
            "starts": standing.starts,
            "refused": [list(one) for one in standing.refused],
        }
        replace_file(self._disk, f"{self._root}/slots", checked(pack(plain, MAX_BYTES)))
        self._standing = standing

    def _point(self) -> None:
        wanted = f"releases/{self._standing.active}/files"
        if self._disk.target(f"{self._root}/current") != wanted:
            self._disk.remove(f"{self._root}/current.new")
            self._disk.link(f"{self._root}/current.new", wanted)
            self._disk.rename(f"{self._root}/current.new", f"{self._root}/current")
            self._disk.sync_folder(self._root)


def _with(refused: tuple[tuple[str, str], ...], digest: str, why: str) -> tuple[tuple[str, str], ...]:
    others = tuple(one for one in refused if one[0] != digest)
    return (*others, (digest, why[:500]))[-MOST_REFUSED:]


def _parse(stored: bytes) -> Standing | None:
    content = unchecked(stored)
    if content is None:
        return None
    try:
        plain: Any = unpack(content, MAX_BYTES)
        refused = tuple((str(digest), str(why)) for digest, why in plain["refused"])
        return Standing(plain["confirmed"], plain["previous"], plain["trial"], plain["starts"], refused)
    except (BadPacked, KeyError, TypeError, ValueError):
        return None
