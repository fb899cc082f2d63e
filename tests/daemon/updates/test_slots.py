"""Which release runs, and what never comes in again."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon.updates.cut_disk import CutDisk
from daemon.updates.releases import bundle_folder, packed, reversioned
from daemon.updates.test_power_cut import NAME, bring, delivered, running, update

from ripieno.errors import StorageError
from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.updates.slots import MOST_STARTS, Refused, Slots


@pytest.fixture(scope="module")
def releases(tmp_path_factory: pytest.TempPathFactory) -> list[PackedBundle]:
    folder = tmp_path_factory.mktemp("releases")
    first = bundle_folder(folder / "first")
    return [packed(reversioned(first, folder / str(at), f"1.{at}.0"), at) for at in (1, 2, 3, 4)]


@pytest.fixture
def disk(releases: list[PackedBundle]) -> CutDisk:
    made = CutDisk()
    delivered(made, releases)
    return made


def opened(disk: CutDisk) -> Slots:
    slots = Slots(disk, NAME)
    slots.open()
    return slots


def test_an_older_or_equal_counter_is_refused_also_when_the_bundles_were_removed(
    disk: CutDisk, releases: list[PackedBundle]
) -> None:
    update(disk, releases[2])
    disk.remove(f"bundles/{NAME}")
    slots = opened(disk)

    assert slots.standing.active == "" and slots.floor == 3
    for old in releases[:3]:
        with pytest.raises(Refused) as caught:
            slots.check(old.release.digest, old.release.counter)
        assert caught.value.reason == "rollback"
    slots.check(releases[3].release.digest, 4)


def test_what_was_reverted_is_remembered_by_name_and_reason(disk: CutDisk, releases: list[PackedBundle]) -> None:
    update(disk, releases[2], good=False)

    with pytest.raises(Refused, match="it was bad") as caught:
        opened(disk).check(releases[2].release.digest, 3)
    assert caught.value.reason == "reverted"
    assert running(disk) == releases[1].release.digest


def test_a_trial_that_never_reaches_a_verdict_is_given_up_at_its_fourth_start(
    disk: CutDisk, releases: list[PackedBundle]
) -> None:
    slots = opened(disk)
    bring(slots, releases[2])
    slots.try_out(releases[2].release.digest)
    starts = [opened(disk).started() for _ in range(MOST_STARTS + 1)]

    assert starts == [True] * MOST_STARTS + [False]
    assert running(disk) == releases[1].release.digest
    assert "no verdict after 3 starts" in opened(disk).standing.refused[-1][1]


def test_the_factory_release_stays_whatever_comes(disk: CutDisk, releases: list[PackedBundle]) -> None:
    update(disk, releases[2])
    update(disk, releases[3])
    slots = opened(disk)

    assert disk.names(f"bundles/{NAME}/releases") == sorted(releases[at].release.digest for at in (0, 2, 3))
    with pytest.raises(Refused, match="stays it"):
        slots.set_factory(releases[3].release.digest)
    assert slots.fall_back("damaged") == releases[2].release.digest
    assert slots.fall_back("damaged too") == releases[0].release.digest == slots.factory
    assert running(disk) == releases[0].release.digest
    with pytest.raises(Refused, match="no other release is here"):
        slots.fall_back("and this")


@pytest.mark.parametrize("content", [b"", b"\0" * 200, b"x" * 40])
def test_a_damaged_slots_file_falls_back_to_the_factory_and_says_so(
    disk: CutDisk, releases: list[PackedBundle], content: bytes
) -> None:
    disk.remove(f"bundles/{NAME}/slots")
    disk.write_at(f"bundles/{NAME}/slots", 0, content)
    slots = opened(disk)

    assert running(disk) == releases[0].release.digest
    assert any("slots is damaged" in text for text in slots.said)
    assert slots.floor == 2


def test_a_disk_that_is_too_small_is_said_before_and_full_while_it_comes_leaves_what_runs(
    disk: CutDisk, releases: list[PackedBundle]
) -> None:
    slots, bundle = opened(disk), releases[2]
    disk.free = bundle.release.size
    with pytest.raises(StorageError, match="to spare are needed"):
        slots.store.begin(bundle.head, bundle.release)
    disk.free = 1 << 30
    slots.store.begin(bundle.head, bundle.release)
    disk.free = 3_000
    with pytest.raises(StorageError, match="No space left"):
        for chunk in slots.store.missing(bundle.release):
            slots.store.put(bundle.release, chunk, bundle.chunk(chunk))

    assert running(disk) == releases[1].release.digest
    disk.free = 1 << 30
    update(disk, bundle)
    assert running(disk) == bundle.release.digest


def test_chunks_that_another_release_has_are_not_asked_for(disk: CutDisk, releases: list[PackedBundle]) -> None:
    slots, release = opened(disk), releases[2].release
    slots.store.begin(releases[2].head, release)

    wanted = {path for chunk, path, _, _ in release.places() if chunk in slots.store.missing(release)}
    assert wanted == {"manifest.json", "pipeline.yaml"}  # the version stands in them


def test_what_arrived_is_believed_only_as_far_as_its_digests(disk: CutDisk, releases: list[PackedBundle]) -> None:
    slots, bundle = opened(disk), releases[2]
    release = bundle.release
    slots.store.begin(bundle.head, release)
    for chunk in slots.store.missing(release):
        slots.store.put(release, chunk, bundle.chunk(chunk))
    disk.write_at(f"bundles/{NAME}/incoming/{release.digest}/files/pipeline.yaml", 5, b"!")

    again = opened(disk).store
    assert again.arriving() == release
    missing = again.missing(release)
    assert [path for chunk, path, _, _ in release.places() if chunk in missing] == ["pipeline.yaml"]


def test_the_link_is_what_a_device_file_names(tmp_path: Path, releases: list[PackedBundle]) -> None:
    from ripieno_daemon.bundles import open_bundle
    from ripieno_daemon.ports.update_disk import FolderDisk

    disk = FolderDisk(tmp_path)
    delivered(disk, releases)

    assert open_bundle(Slots(disk, NAME).current).manifest.version == "1.2.0"
