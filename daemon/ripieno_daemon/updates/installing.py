"""A packed bundle put on a device by hand: the release that it is delivered with, or one from a stick.

The same checks as over the network: signatures where the device has a policy, counter, digests, self-test. Nothing runs
meanwhile; what is not the factory's is tried by the line from the next start on.
"""

from __future__ import annotations

from ripieno.errors import BundleError

from ..bundles.packed_file import PackedBundle, check_contents
from .arrival import SelfTest
from .disk import Disk
from .judging import Authority, judged
from .slots import Refused, Slots
from .verdict import Verdict


async def install(
    disk: Disk, bundle: PackedBundle, test: SelfTest, authority: Authority | None, *, is_factory: bool
) -> Verdict:
    """Put a bundle into its slots and return its self-test's good verdict.

    Args:
        disk: the state directory.
        authority: whose signatures count; None: this device has no policy yet, and nobody's are looked at.
        is_factory: it becomes the release that is never removed, and runs.

    Raises:
        Refused: it must not come in, failed its self-test, or something else is under way.
        BundleError: the file is damaged.
        StorageError: the disk refuses.
    """
    check_contents(bundle)
    release = bundle.release
    slots = Slots(disk, release.name)
    standing = slots.open()
    if standing.trial:
        raise Refused("busy", f"{standing.trial[:16]}... is on trial")
    if is_factory and slots.factory:
        raise Refused("factory", f"the factory release is {slots.factory[:16]}..., and stays it")
    if not is_factory and not slots.factory:
        raise Refused(
            "factory", f"no release of {release.name} is here yet; the first one is the factory's (--factory)"
        )
    if authority is None:
        slots.check(release.digest, release.counter)
    else:
        judged(bundle.head, release.digest, slots, authority)
    _bring(slots, bundle)
    before = slots.store.folder(standing.confirmed) if standing.confirmed else ""
    verdict = await test(slots.store.folder(release.digest), before, release.changes)
    if not verdict.is_good:
        slots.refuse(release.digest, str(verdict))
        raise Refused("self-test", str(verdict))
    if is_factory:
        slots.set_factory(release.digest)
    else:
        slots.try_out(release.digest)
    return verdict


def _bring(slots: Slots, bundle: PackedBundle) -> None:
    store, release = slots.store, bundle.release
    if store.has(release.digest):
        return
    store.begin(bundle.head, release)
    for chunk in store.missing(release):
        store.put(release, chunk, bundle.chunk(chunk))
    store.finish(release)
    if not store.has(release.digest):
        raise BundleError(f"{bundle.path}: it did not arrive whole")
