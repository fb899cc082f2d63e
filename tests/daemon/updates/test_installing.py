"""`ripieno bundle install`: a packed bundle put on a device by hand, with the checks that it meets over the network."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from daemon.updates.releases import bundle_folder, packed, reversioned

from ripieno_daemon.cli import NO, OK, main
from ripieno_daemon.ports.update_disk import FolderDisk
from ripieno_daemon.updates.slots import Slots

NAME = "colours"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return bundle_folder(tmp_path_factory.mktemp("first") / NAME)


def installed(file: Path, state: Path, *more: str) -> int:
    return main(["bundle", "install", str(file), "--state", str(state), "--json", "-", *more])


def slots(state: Path) -> Slots:
    found = Slots(FolderDisk(state), NAME)
    found.open()
    return found


def test_the_first_is_the_factorys_and_the_next_is_tried_by_the_line(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, state = packed(first, 1), tmp_path / "state"
    new = packed(reversioned(first, tmp_path / "new", "1.1.0"), 2)

    assert installed(Path(new.path), state) == NO, "what nothing stands behind cannot be tried"
    assert "--factory" in capsys.readouterr().err

    assert installed(Path(old.path), state, "--factory") == OK
    told = json.loads(capsys.readouterr().out)
    assert (told["release"], told["factory"], told["signatures_checked"]) == (old.release.digest, True, False)
    assert Path(told["current"]).resolve() == Path(slots(state).store.folder(old.release.digest)).resolve()

    assert installed(Path(new.path), state) == OK
    assert json.loads(capsys.readouterr().out)["factory"] is False
    standing = slots(state).standing
    assert (standing.confirmed, standing.trial) == (old.release.digest, new.release.digest)
    assert slots(state).factory == old.release.digest

    assert installed(Path(new.path), state) == NO, "one is on trial"
    assert "on trial" in capsys.readouterr().err


def test_a_second_factory_release_and_a_lower_counter_are_refused(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = tmp_path / "state"
    old = packed(first, 3)
    assert installed(Path(old.path), state, "--factory") == OK

    second = packed(reversioned(first, tmp_path / "second", "1.0.2"), 4)
    assert installed(Path(second.path), state, "--factory") == NO
    assert "stays it" in capsys.readouterr().err

    lower = packed(reversioned(first, tmp_path / "lower", "1.0.3"), 2)
    assert installed(Path(lower.path), state) == NO
    assert (slots(state).standing.confirmed, slots(state).standing.trial) == (old.release.digest, "")


def test_a_damaged_file_changes_nothing(first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    state = tmp_path / "state"
    assert installed(Path(packed(first, 1).path), state, "--factory") == OK
    new = packed(reversioned(first, tmp_path / "new", "1.1.0"), 2)
    content = bytearray(Path(new.path).read_bytes())
    content[-200] ^= 1
    Path(new.path).write_bytes(bytes(content))

    assert installed(Path(new.path), state) == NO
    assert new.path.name in capsys.readouterr().err
    assert slots(state).standing.trial == ""


def test_of_an_enrolled_device_a_bundle_must_be_signed_by_who_may(
    first: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fleet, state = tmp_path / "plant", tmp_path / "state"
    assert main(["fleet", "init", str(fleet)]) == OK
    assert main(["fleet", "enrol", str(fleet), "--device", "line-1"]) == OK
    enrolled = next((fleet / "devices").rglob("root.pub")).parent
    capsys.readouterr()
    unknown = packed(first, 1)  # signed by a key that this fleet has never heard of

    assert installed(Path(unknown.path), state, "--factory", "--enrolled", str(enrolled), "--name", "line-1") == NO
    assert "refused (" in capsys.readouterr().err

    own = packed(reversioned(first, tmp_path / "own", "1.0.1"), 1, sign=False)
    assert main(["bundle", "sign", str(own.path), "--key", str(fleet / "keys/operator.pem")]) == OK
    capsys.readouterr()
    assert installed(Path(own.path), state, "--factory", "--enrolled", str(enrolled), "--name", "line-1") == OK
    assert json.loads(capsys.readouterr().out)["signatures_checked"] is True
