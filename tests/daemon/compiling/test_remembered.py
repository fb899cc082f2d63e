"""A plan is compiled once; any change of what it was made from, or of what is installed, compiles it anew."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ripieno.errors import ConfigError
from ripieno.plan import Plan
from ripieno_daemon.compiling import remembered
from ripieno_daemon.compiling.parent import Compiled, NotCompiled, compile_with_sources
from ripieno_daemon.ports.small_files import SmallFiles
from ripieno_daemon.starter import Choice, write


@pytest.fixture
def device_file(tmp_path: Path) -> Path:
    choice = Choice("line-1", "hall", "pipelines/quality-control", str(tmp_path / "state"), "", "camera", "line")
    return Path(write(tmp_path, choice).device_file)


@pytest.fixture
def compiled(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Count the runs of the compile child; they are real."""
    runs: list[str] = []
    really = remembered.compile_with_sources

    async def counted(path: str) -> Compiled:
        runs.append(path)
        return await really(path)

    monkeypatch.setattr(remembered, "compile_with_sources", counted)
    return runs


def plan_of(device_file: Path, kept: Path) -> Plan:
    async def compiled() -> Plan:
        plans = remembered.Remembered(str(device_file), SmallFiles(kept))
        try:
            return await plans.compiled()
        finally:
            plans.close()

    return asyncio.run(compiled())


def test_the_second_time_nothing_is_compiled_and_the_plan_is_the_same(
    device_file: Path, compiled: list[str], tmp_path: Path
) -> None:
    first, second = plan_of(device_file, tmp_path / "kept"), plan_of(device_file, tmp_path / "kept")

    assert first == second
    assert len(compiled) == 1


def _append(path: Path) -> None:
    path.write_text(path.read_text() + "# changed\n")


CHANGES: dict[str, Callable[[Path], None]] = {
    "the device file": lambda folder: _append(folder / "device.yaml"),
    "the kept plan is damaged": lambda folder: (folder / "kept/compiled-plan").write_bytes(b"x" * 5000),
    "one bit of the kept plan": lambda folder: _flip(folder / "kept/compiled-plan"),
    "the kept plan is gone": lambda folder: (folder / "kept/compiled-plan").unlink(),
}


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_compiles_anew(what: str, device_file: Path, compiled: list[str], tmp_path: Path) -> None:
    plan_of(device_file, tmp_path / "kept")
    CHANGES[what](tmp_path)
    plan_of(device_file, tmp_path / "kept")

    assert len(compiled) == 2


@pytest.mark.parametrize("file", ["pipeline.yaml", "manifest.json"])
def test_a_changed_file_of_the_bundle_is_noticed(
    file: str, device_file: Path, compiled: list[str], tmp_path: Path
) -> None:
    """It was remembered as good; edited by hand it is no longer what was sealed, and that must be said."""
    plan_of(device_file, tmp_path / "kept")
    bundle = tmp_path / "pipelines/quality-control"
    (bundle / file).write_text((bundle / file).read_text().replace("bead", "bread"))

    with pytest.raises(ConfigError):
        plan_of(device_file, tmp_path / "kept")
    assert len(compiled) == 2


def test_another_installation_compiles_anew(
    device_file: Path, compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan_of(device_file, tmp_path / "kept")
    monkeypatch.setattr(remembered, "_installed", lambda: "9.9.9")
    plan_of(device_file, tmp_path / "kept")

    assert len(compiled) == 2


def test_a_bundle_that_is_gone_is_said_by_the_compile_step(
    device_file: Path, compiled: list[str], tmp_path: Path
) -> None:
    plan_of(device_file, tmp_path / "kept")
    shutil.rmtree(tmp_path / "pipelines")

    with pytest.raises(ConfigError, match="cannot read"):
        plan_of(device_file, tmp_path / "kept")


def _released(device_file: Path, name: str) -> None:
    """Let `current` lead to another copy of the bundle, as an update does."""
    bundles = device_file.parent / "bundles"
    if not (bundles / name).exists():
        shutil.copytree(device_file.parent / "pipelines/quality-control", bundles / name)
    (bundles / "new").symlink_to(name)
    (bundles / "new").replace(bundles / "current")


def test_a_plan_names_the_release_that_it_was_made_from_and_going_back_compiles_nothing(
    device_file: Path, compiled: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A link that leads elsewhere by now is another bundle, though each file that was read is as it was."""
    device_file.write_text(device_file.read_text().replace("pipelines/quality-control", "bundles/current"))

    async def work() -> list[str]:
        plans = remembered.Remembered(str(device_file), SmallFiles(tmp_path / "kept"))
        bundles = []
        for release in ("one", "two", "one", "two"):
            _released(device_file, release)
            bundles.append((await plans.compiled()).pipelines[0].bundle)
        monkeypatch.setattr(remembered, "_installed", lambda: "9.9.9")
        await plans.compiled()
        plans.close()
        return bundles

    bundles = asyncio.run(work())

    assert [Path(one).name for one in bundles] == ["one", "two", "one", "two"]
    assert len(compiled) == 3, "one, two, and anew with another installation"


def test_what_does_not_compile_says_which_release_it_was(device_file: Path) -> None:
    device_file.write_text(device_file.read_text().replace("pipelines/quality-control", "bundles/current"))
    _released(device_file, "one")
    (device_file.parent / "bundles/one/pipeline.yaml").write_text("ripieno: 1\n")

    with pytest.raises(NotCompiled) as caught:
        asyncio.run(compile_with_sources(str(device_file)))

    bundles = device_file.parent / "bundles"
    assert caught.value.links == {str(bundles / "current"): str(bundles / "one")}
