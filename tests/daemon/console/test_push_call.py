"""`ripieno fleet push` before anything is sent: what the file and the fleet's own policy already say."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from daemon.fleet.brokers import free_port, new_fleet
from daemon.updates.releases import bundle_folder

from ripieno_daemon.bundles.packed_file import pack_bundle, with_signature
from ripieno_daemon.cli import main
from ripieno_daemon.trust import Signer
from ripieno_daemon.trust.founding import FleetFolder


@pytest.fixture
def fleet(tmp_path: Path) -> FleetFolder:
    return new_fleet(tmp_path, free_port())


@pytest.fixture(scope="module")
def unsigned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("release")
    return pack_bundle(bundle_folder(folder / "colours"), folder / "colours-2.bundle", 2).path


def copy(unsigned: Path, folder: Path, *keys: Signer) -> Path:
    path = folder / unsigned.name
    path.write_bytes(unsigned.read_bytes())
    for key in keys:
        with_signature(path, key)
    return path


def push(fleet: FleetFolder, path: Path, *words: str) -> int:
    return main(["fleet", "push", str(fleet.root), "line-1", str(path), "--json", "-", *words])


def test_what_a_device_would_refuse_is_refused_here_with_the_reason(
    fleet: FleetFolder, unsigned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert push(fleet, unsigned, "--yes") == 1
    assert json.loads(capsys.readouterr().out)["error"] == "unsigned"
    (tmp_path / "s").mkdir()
    assert push(fleet, copy(unsigned, tmp_path / "s", Signer.new()), "--yes") == 1
    assert json.loads(capsys.readouterr().out)["error"] == "unknown-key"
    policy = fleet.root / "policy.toml"
    policy.write_text(policy.read_text().replace('kinds = ["*"]', 'kinds = ["status"]'))
    assert main(["fleet", "policy", str(fleet.root)]) == 0
    capsys.readouterr()
    (tmp_path / "n").mkdir()
    assert push(fleet, copy(unsigned, tmp_path / "n", fleet.signer("operator")), "--yes") == 1
    assert json.loads(capsys.readouterr().out)["error"] == "not-allowed"


def test_a_damaged_file_is_told_and_nobody_to_ask_is_a_wrong_call(
    fleet: FleetFolder, unsigned: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = copy(unsigned, tmp_path, fleet.signer("operator"))
    assert push(fleet, path) == 2
    assert "say --yes" in capsys.readouterr().out
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(bytes(content))
    assert push(fleet, path, "--yes") == 1
    assert "is damaged" in capsys.readouterr().err
    assert push(fleet, tmp_path / "nothing.bundle", "--yes") == 1
    assert "cannot be read" in capsys.readouterr().err


def test_the_root_key_may_lie_in_a_drawer_while_devices_are_enrolled_and_releases_checked(
    fleet: FleetFolder, unsigned: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (fleet.root / "keys/root.pem").unlink()

    assert main(["fleet", "enrol", str(fleet.root), "--device", "line-7"]) == 0
    assert push(fleet, unsigned, "--yes") == 1
    assert '"unsigned"' in capsys.readouterr().out
    assert main(["fleet", "policy", str(fleet.root)]) == 1
    assert "root.pem: No such file" in capsys.readouterr().err
