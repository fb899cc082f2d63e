"""A start of the service with a release that cannot run: the one before runs, at once, and it is said why."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from daemon.updates.releases import packed, reversioned
from daemon.updates.test_power_cut import bring
from scenarios.serving import site

from ripieno.models import parse_manifest, render_manifest
from ripieno_daemon.bundles.packed_file import PackedBundle
from ripieno_daemon.ports.update_disk import FolderDisk
from ripieno_daemon.updates.slots import Slots
from ripieno_sim.stage.scene import bundle_path

NAME, MODEL = "quality-control", "models/bead.int8.tflite"


class Device:
    """A state directory with a factory release and a later one."""

    def __init__(self, folder: Path, spoil: Callable[[Path], None] = lambda bundle: None) -> None:
        self.disk = FolderDisk(folder / "state")
        self.old = packed(reversioned(bundle_path(), folder / "old", "1.0.1"), 1, sign=False)
        new = reversioned(bundle_path(), folder / "new", "1.1.0")
        spoil(new)
        self.new = packed(new, 2, sign=False)
        slots = self.slots()
        for one in (self.old, self.new):
            bring(slots, one)
        slots.set_factory(self.old.release.digest)
        slots.try_out(self.new.release.digest)

    def slots(self) -> Slots:
        """Read the disk anew."""
        slots = Slots(self.disk, NAME)
        slots.open()
        return slots

    def place(self, bundle: PackedBundle, path: str) -> Path:
        """Where a file of a release is."""
        return Path(self.slots().store.folder(bundle.release.digest)) / path


def damage(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def wrong_golden(bundle: Path) -> None:
    """Sealed with an answer that the model does not give: the compile step cannot know, the worker refuses it."""
    manifest = parse_manifest((bundle / "manifest.json").read_bytes())
    sealed = manifest.models["bead"]
    golden = tuple(replace(one, label="over" if one.label != "over" else "under") for one in sealed.golden)
    changed = replace(manifest, models={"bead": replace(sealed, golden=golden)})
    (bundle / "manifest.json").write_bytes(render_manifest(changed))


def started(folder: Path, device: Device) -> dict[str, Any]:
    """Start the service; return what its status says once the first act is possible."""

    async def look() -> dict[str, Any]:
        async with site(folder, parts=5, bundle=Path(device.slots().current)) as line, line.daemon() as daemon:
            await daemon.until("ready", seconds=60.0)
            return await daemon.ask("status")

    return asyncio.run(look())


def holds(status: dict[str, Any], device: Device, why: str) -> None:
    told = status["releases"][NAME]
    assert status["plan"]["pipelines"] == [{"name": NAME, "version": "1.0.1"}]
    assert (told["confirmed"], told["trial"]) == (device.old.release.digest, "")
    [(digest, reason)] = told["refused"]
    assert digest == device.new.release.digest and why in reason
    assert any(one["code"] == "update" and why in one["text"] for one in status["alarms"])


def test_a_release_on_trial_whose_files_are_damaged_is_given_up_at_once(tmp_path: Path) -> None:
    device = Device(tmp_path)
    damage(device.place(device.new, "pipeline.yaml"))

    holds(started(tmp_path, device), device, "has problems")


def test_a_release_on_trial_whose_model_is_refused_by_its_worker_is_given_up_at_once(tmp_path: Path) -> None:
    device = Device(tmp_path, wrong_golden)

    holds(started(tmp_path, device), device, "it did not start: ")


@pytest.mark.parametrize("path", [MODEL, "pipeline.yaml"])
def test_a_confirmed_release_whose_files_are_damaged_makes_place_for_the_one_before(tmp_path: Path, path: str) -> None:
    device = Device(tmp_path)
    device.slots().confirm()
    damage(device.place(device.new, path))

    holds(started(tmp_path, device), device, path)


def test_a_whole_release_on_trial_runs_and_the_start_is_counted(tmp_path: Path) -> None:
    """Negative control: nothing of it is given up."""
    device = Device(tmp_path)
    status = started(tmp_path, device)

    assert status["plan"]["pipelines"] == [{"name": NAME, "version": "1.1.0"}]
    assert status["releases"][NAME]["phase"] == "on trial" and status["releases"][NAME]["refused"] == []
    assert device.slots().standing.starts == 1
