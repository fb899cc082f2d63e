"""A power cut or a kill at every step of an update: old or new, never neither; then the update can be done again."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from daemon.updates.cut_disk import Cut, CutDisk, PowerCut
from daemon.updates.releases import bundle_folder, packed, reversioned

from ripieno.errors import RipienoError
from ripieno.models import parse_manifest, verify_files
from ripieno.models.runtimes import choose
from ripieno_daemon.bundles.opened import pooled
from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.ports.update_disk import FolderDisk
from ripieno_daemon.updates.disk import Disk
from ripieno_daemon.updates.slots import Slots
from ripieno_daemon.workers.served import ServedModel

NAME = "colours"
RUNTIME = choose(None)


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[PackedBundle]:
    """Three: the factory's, the one that runs, the one that comes. Each has files of its own, so that it has steps."""
    folder, made = tmp_path_factory.mktemp("releases"), []
    first = bundle_folder(folder / "first")
    for number in (1, 2, 3):
        extra = {f"notes/{number}-{one}.txt": f"{number} {one}".encode() * 900 for one in range(24)}
        made.append(packed(reversioned(first, folder / str(number), f"1.{number}.0", extra), number))
    return made


def bring(slots: Slots, bundle: PackedBundle) -> None:
    """Stage a release: what transfer does, without a network."""
    release = bundle.release
    if slots.store.has(release.digest):
        return
    slots.store.begin(bundle.head, release)
    for chunk in slots.store.missing(release):
        slots.store.put(release, chunk, bundle.chunk(chunk))
    slots.store.finish(release)


def delivered(disk: Disk, releases: list[PackedBundle]) -> None:
    """A device with a factory release and a later, confirmed one."""
    slots = Slots(disk, NAME)
    slots.open()
    bring(slots, releases[0])
    slots.set_factory(releases[0].release.digest)
    update(disk, releases[1])


def update(disk: Disk, bundle: PackedBundle, *, good: bool = True) -> None:
    """What the daemon does with an offered release, from the offer to the verdict; begun anew after any power cut."""
    slots = Slots(disk, NAME)
    slots.open()
    digest = bundle.release.digest
    if slots.standing.confirmed == digest:
        slots.prune()
        return
    if slots.standing.trial != digest:
        slots.check(digest, bundle.release.counter)
        bring(slots, bundle)
        slots.try_out(digest)
    assert slots.started()
    if good:
        slots.confirm()
    else:
        slots.revert("it was bad")


def running(disk: Disk) -> str:
    """Start as a daemon does: open the slots, load and self-test what runs; return its digest."""
    slots = Slots(disk, NAME)
    standing = slots.open()
    root = f"bundles/{NAME}/releases/{standing.active}/files"
    assert disk.target(f"bundles/{NAME}/current") == f"releases/{standing.active}/files"

    def read(path: str) -> bytes:
        content = disk.read(path if path.startswith(root) else f"{root}/{path}")
        if content is None:
            raise FileNotFoundError(2, "no such file", path)
        return content

    manifest = parse_manifest(read("manifest.json"))
    verify_files(manifest, read)
    model = pooled(Path(root), manifest.models["tiny"])
    ServedModel.load(model.to_plain(), RUNTIME, read, lambda: 0)
    assert slots.store.has(slots.factory)
    return standing.active


def steps_of(releases: list[PackedBundle], work: Callable[[Disk], None]) -> int:
    disk = CutDisk()
    delivered(disk, releases)
    before = disk.steps
    work(disk)
    return disk.steps - before


@pytest.mark.parametrize("cut", Cut)
@pytest.mark.parametrize("good", [True, False], ids=["confirmed", "reverted"])
def test_after_a_power_cut_at_every_step_the_old_or_the_new_one_runs(
    releases: list[PackedBundle], cut: Cut, good: bool
) -> None:
    def work(disk: Disk) -> None:
        update(disk, releases[2], good=good)

    count = steps_of(releases, work)
    old, new = releases[1].release, releases[2].release
    seen = set()
    for step in range(count):
        disk = CutDisk()
        delivered(disk, releases)
        disk.steps, disk.fuse = 0, step
        with pytest.raises(PowerCut):
            work(disk)
        later = disk.after(cut, seed=step)
        active = running(later)
        assert active in (old.digest, new.digest), f"step {step}"
        seen.add(active)
        assert Slots(later, NAME).floor >= old.counter
        if good:
            update(later, releases[2])
            assert running(later) == new.digest and Slots(later, NAME).floor == new.counter

    assert count >= 100
    assert seen == {old.digest, new.digest}


def test_a_program_that_does_not_sync_contents_before_the_rename_is_found_out(releases: list[PackedBundle]) -> None:
    """Negative control: the same steps without the syncs of contents leave neither (the factory release runs)."""
    wanted, neither = {one.release.digest for one in releases[1:]}, 0
    count = steps_of(releases, lambda disk: update(disk, releases[2]))
    for step in range(count):
        disk = CutDisk()
        delivered(disk, releases)
        disk.skip_sync = True
        disk.steps, disk.fuse = 0, step
        try:
            update(disk, releases[2])
        except PowerCut:
            pass
        try:
            neither += running(disk.after(Cut.NAMES)) not in wanted
        except RipienoError:
            neither += 1

    assert neither > 0


def test_after_a_kill_at_every_step_the_old_or_the_new_one_runs_on_a_real_disk(
    releases: list[PackedBundle], tmp_path: Path
) -> None:
    """SIGKILL, in a process of its own, before each call that changes the disk."""
    count = steps_of(releases, lambda disk: update(disk, releases[2]))
    old, new = releases[1].release.digest, releases[2].release.digest
    seen = set()
    delivered(FolderDisk(tmp_path / "delivered"), releases)
    for step in range(count):
        disk = FolderDisk(tmp_path / str(step))
        shutil.copytree(tmp_path / "delivered", disk.root, symlinks=True)
        pid = os.fork()
        if pid == 0:
            _kill_before(disk, step)
            try:
                update(disk, releases[2])
            finally:
                os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL, f"step {step}"
        active = running(disk)
        assert active in (old, new), f"step {step}"
        seen.add(active)
        if step % 10 == 0:  # the simulated disk tries it after every step; here each sync costs its milliseconds
            update(disk, releases[2])
            assert running(disk) == new
        shutil.rmtree(disk.root)

    assert count >= 100
    assert seen == {old, new}


def _kill_before(disk: FolderDisk, step: int) -> None:
    left = [step]

    def mortal(call: Callable[..., None]) -> Callable[..., None]:
        def done(*words: object) -> None:
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1
            call(*words)

        return done

    for name in ("make_folder", "write_at", "sync", "sync_folder", "rename", "link", "remove"):
        setattr(disk, name, mortal(getattr(disk, name)))
